//! A disk whose power goes off after a given number of operations. As on a real one, what was not
//! synced may then be there, or not, or in part, each for itself.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use mien_device::update::fs::Fs;
use mien_models::procedural::Rng;

/// What happens at the chosen operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing works from then on.
    PowerCut,
    /// That operation fails and the others go on, as where the disk is full.
    OneError,
}

#[derive(Clone, Debug)]
struct Inode {
    data: Vec<u8>,
    /// What is on disk for certain.
    synced: Option<Vec<u8>>,
}

/// A change of names that is not on disk for certain.
#[derive(Clone, Debug)]
enum Change {
    Set(PathBuf, usize),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf, usize),
}

impl Change {
    fn folder(&self) -> Option<&Path> {
        let (Self::Set(path, _) | Self::Remove(path) | Self::Rename(_, path, _)) = self;
        path.parent()
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Set(path, inode) => {
                names.insert(path.clone(), *inode);
            }
            Self::Remove(path) => {
                names.remove(path);
            }
            Self::Rename(from, to, inode) => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    synced_names: BTreeMap<PathBuf, usize>,
    changes: Vec<Change>,
    folders: BTreeSet<PathBuf>,
    operations: usize,
}

/// The disk.
#[derive(Debug)]
pub struct Disk {
    state: RefCell<State>,
    /// Which operation, counted from 0, and what befalls it.
    trouble: Option<(usize, Trouble)>,
    /// Whether syncing does what it says.
    pub syncs: bool,
}

impl Disk {
    pub fn empty() -> Self {
        Self {
            state: RefCell::default(),
            trouble: None,
            syncs: true,
        }
    }

    /// The same content, with operations counted anew and trouble at one of them.
    pub fn with_trouble(&self, at: usize, trouble: Trouble) -> Self {
        let mut state = self.state.borrow().clone();
        state.operations = 0;
        Self {
            state: RefCell::new(state),
            trouble: Some((at, trouble)),
            syncs: self.syncs,
        }
    }

    /// Whether the trouble has come.
    pub fn had_trouble(&self) -> bool {
        let operations = self.state.borrow().operations;
        self.trouble.is_some_and(|(at, _)| operations > at)
    }

    /// What is there after a restart. The rest is drawn: seed 0 loses everything that was not synced,
    /// seed 1 nothing, and the others some of it.
    pub fn restarted(&self, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut kept = move || match seed {
            0 => false,
            1 => true,
            _ => rng.next_u64() % 2 == 1,
        };
        let mut state = self.state.borrow().clone();
        let mut names = state.synced_names.clone();
        for change in &state.changes {
            if kept() {
                change.apply(&mut names);
            }
        }
        for inode in &mut state.inodes {
            let is_synced = inode.synced.as_ref() == Some(&inode.data);
            if !is_synced && !kept() {
                let length = if kept() { inode.data.len() / 2 } else { 0 };
                let part = inode.data[..length].to_vec();
                inode.data = inode.synced.clone().filter(|_| kept()).unwrap_or(part);
            }
            inode.synced = Some(inode.data.clone());
        }
        state.synced_names.clone_from(&names);
        state.names = names;
        state.changes.clear();
        Self {
            state: RefCell::new(state),
            trouble: None,
            syncs: self.syncs,
        }
    }

    fn operate<T>(&self, work: impl FnOnce(&mut State, bool) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state.borrow_mut();
        let operation = state.operations;
        state.operations += 1;
        let off = || io::Error::new(ErrorKind::StorageFull, "trouble");
        match self.trouble {
            // The operation itself may be half done.
            Some((at, _)) if operation == at => {
                let _ = work(&mut state, true);
                Err(off())
            }
            Some((at, Trouble::PowerCut)) if operation > at => Err(off()),
            _ => work(&mut state, false),
        }
    }
}

impl Fs for &Disk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.operate(|state, _| {
            state.folders.extend(path.ancestors().map(Path::to_owned));
            Ok(())
        })
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.operate(|state, is_cut| {
            if !path
                .parent()
                .is_some_and(|folder| state.folders.contains(folder))
            {
                return Err(ErrorKind::NotFound.into());
            }
            let length = if is_cut { bytes.len() / 3 } else { bytes.len() };
            let inode = state.inodes.len();
            state.inodes.push(Inode {
                data: bytes[..length].to_vec(),
                synced: None,
            });
            state.names.insert(path.to_owned(), inode);
            state.changes.push(Change::Set(path.to_owned(), inode));
            Ok(())
        })
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        let syncs = self.syncs;
        self.operate(|state, is_cut| {
            if is_cut || !syncs {
                return Ok(());
            }
            if let Some(&inode) = state.names.get(path) {
                let inode = &mut state.inodes[inode];
                inode.synced = Some(inode.data.clone());
                return Ok(());
            }
            let (done, waiting) = std::mem::take(&mut state.changes)
                .into_iter()
                .partition(|change| change.folder() == Some(path));
            state.changes = waiting;
            let done: Vec<Change> = done;
            done.iter()
                .for_each(|change| change.apply(&mut state.synced_names));
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.operate(|state, is_cut| {
            let Some(&inode) = state.names.get(from) else {
                return Err(ErrorKind::NotFound.into());
            };
            if !is_cut {
                let change = Change::Rename(from.to_owned(), to.to_owned(), inode);
                change.apply(&mut state.names);
                state.changes.push(change);
            }
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.operate(|state, is_cut| {
            if !is_cut && state.names.remove(path).is_some() {
                state.changes.push(Change::Remove(path.to_owned()));
            }
            Ok(())
        })
    }

    fn read(&self, path: &Path, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
        self.operate(|state, _| {
            let data = state
                .names
                .get(path)
                .map(|&inode| &state.inodes[inode].data);
            assert!(data.is_none_or(|data| data.len() as u64 <= max_bytes));
            Ok(data.cloned())
        })
    }
}
