//! The power goes off at every single operation of every step: what runs then is the old model or the
//! new one, whole, and the device can go on from there.

use std::collections::BTreeSet;

use mien_device::update::check::Force;
use mien_device::update::install::{Installer, Part};
use mien_device::update::record::{Fault, Role};
use mien_device::update::store::Stored;

use crate::disk::{Disk, Trouble};
use crate::made::{expression, installer, running, yunet};

const ALL: [Role; 2] = Role::ALL;
/// Ways in which what was not synced is lost.
const SEEDS: u64 = 24;

fn install(on: &Disk, offers: &[Stored]) {
    let installer = installer(on);
    installer.install(offers, Force(false), true).unwrap();
}

/// A disk with these confirmed, one after the other.
fn confirmed(versions: &[u64]) -> Disk {
    let disk = Disk::empty();
    for &version in versions {
        install(&disk, &[expression(version), yunet(version)]);
        for role in ALL {
            installer(&disk).confirm(role).unwrap();
        }
    }
    disk
}

/// What runs in both roles.
fn both(disk: &Disk) -> [Option<u64>; 2] {
    let installer = installer(disk);
    ALL.map(|role| running(&installer, role))
}

/// The version that the program would open to run in `role`.
fn opened(installer: &Installer<&Disk>, role: Role) -> Option<u64> {
    let chosen = installer.choose(role, Part::Keeper).unwrap()?;
    let record = installer.store.load().unwrap();
    let entry = record.pointer(role).entry(chosen.slot);
    Some(entry.unwrap().version)
}

/// Takes `step` on `before` with trouble at each of its operations and with every seed; returns what
/// ran after each, and how many operations there were. What runs must load.
fn outcomes(
    before: &Disk,
    trouble: Trouble,
    step: impl Fn(&Installer<&Disk>) -> bool,
) -> (BTreeSet<[Option<u64>; 2]>, usize) {
    let mut seen = BTreeSet::new();
    for at in 0.. {
        let disk = before.with_trouble(at, trouble);
        let succeeded = step(&installer(&disk));
        if !disk.had_trouble() {
            assert!(succeeded, "without trouble it works");
            return (seen, at);
        }
        let seeds = match trouble {
            Trouble::PowerCut => SEEDS,
            Trouble::OneError => 1,
        };
        for seed in 0..seeds {
            let after = match trouble {
                Trouble::PowerCut => disk.restarted(seed),
                Trouble::OneError => disk.restarted(1),
            };
            let now = both(&after);
            seen.insert(now);
            if seed > 1 {
                continue;
            }
            // What the program opens at its start is just that, and loads.
            let installer = installer(&after);
            assert_eq!(ALL.map(|role| opened(&installer, role)), now);
            // The next attempt works, and so does the way back from it.
            for role in ALL {
                installer.confirm(role).unwrap();
            }
            install(&after, &[expression(9), yunet(9)]);
            assert_eq!(both(&after), [Some(9); 2]);
            installer.roll_back(None).unwrap();
            assert_eq!(both(&after), now);
        }
    }
    unreachable!("a step has an end")
}

fn new_versions(installer: &Installer<&Disk>) -> bool {
    installer
        .install(&[expression(5), yunet(6)], Force(false), true)
        .is_ok()
}

#[test]
fn a_first_install_is_whole_or_did_not_happen() {
    for trouble in [Trouble::PowerCut, Trouble::OneError] {
        let (seen, operations) = outcomes(&Disk::empty(), trouble, new_versions);
        assert!(operations > 20, "{operations}");
        let either = [[None; 2], [Some(5), Some(6)]];
        assert_eq!(seen, BTreeSet::from(either), "{trouble:?}");
    }
}

#[test]
fn an_install_over_two_others_is_whole_or_did_not_happen() {
    let before = confirmed(&[2, 3]);
    for trouble in [Trouble::PowerCut, Trouble::OneError] {
        let (seen, operations) = outcomes(&before, trouble, new_versions);
        assert!(operations > 20, "{operations}");
        let either = [[Some(3); 2], [Some(5), Some(6)]];
        assert_eq!(seen, BTreeSet::from(either), "{trouble:?}");
    }
}

#[test]
fn a_rollback_is_whole_or_did_not_happen() {
    let before = confirmed(&[2, 3]);
    install(&before, &[expression(4), yunet(4)]);
    for trouble in [Trouble::PowerCut, Trouble::OneError] {
        let (seen, _) = outcomes(&before, trouble, |i| i.roll_back(None).is_ok());
        assert_eq!(seen, BTreeSet::from([[Some(4); 2], [Some(3); 2]]));
        let (seen, _) = outcomes(&before, trouble, |i| {
            matches!(i.fail(Role::Expression, Fault::Stall), Ok(Some(_)))
        });
        assert_eq!(seen, BTreeSet::from([[Some(4); 2], [Some(3), Some(4)]]));
    }
}

#[test]
fn starting_confirming_and_ending_change_no_model() {
    let before = confirmed(&[2]);
    install(&before, &[expression(4), yunet(4)]);
    for trouble in [Trouble::PowerCut, Trouble::OneError] {
        let (seen, _) = outcomes(&before, trouble, |i| i.begin(3).is_ok());
        assert_eq!(seen, BTreeSet::from([[Some(4); 2]]));
        let (seen, _) = outcomes(&before, trouble, |i| i.confirm(Role::Detector).is_ok());
        assert_eq!(seen, BTreeSet::from([[Some(4); 2]]));
        let (seen, _) = outcomes(&before, trouble, |i| i.end().is_ok());
        assert_eq!(seen, BTreeSet::from([[Some(4); 2]]));
    }
}

/// The power goes off during each start, too: the count is on disk before the model is loaded, so a
/// model that takes the machine down with it is gone after `max_starts`.
#[test]
fn a_crash_loop_ends_with_the_model_before() {
    let disk = confirmed(&[2]);
    install(&disk, &[expression(4)]);
    let mut disk = disk.restarted(0);
    for _ in 0..2 {
        assert_eq!(both(&disk), [Some(4), Some(2)]);
        assert_eq!(installer(&disk).begin(3).unwrap(), []);
        disk = disk.restarted(0);
    }
    let rolled_back = installer(&disk).begin(3).unwrap();
    assert_eq!(rolled_back.len(), 1);
    assert_eq!(
        (rolled_back[0].version, rolled_back[0].fault),
        (4, Fault::CrashLoop)
    );
    let disk = disk.restarted(0);
    assert_eq!(both(&disk), [Some(2); 2]);
    let again = installer(&disk).install(&[expression(4)], Force(true), true);
    assert!(again.err().unwrap().to_string().contains("is blocked"));
}

/// Where the count cannot be written, the model that needs it does not run.
#[test]
fn without_a_count_no_model_is_tried() {
    let before = confirmed(&[2]);
    install(&before, &[expression(4)]);
    for at in 0.. {
        let disk = before.with_trouble(at, Trouble::OneError);
        let i = installer(&disk);
        let is_counted = i.begin(3).is_ok();
        if !disk.had_trouble() {
            assert!(is_counted && at > 3);
            break;
        }
        assert!(!is_counted);
        let chosen = i
            .choose(Role::Expression, Part::Uncounted)
            .unwrap()
            .unwrap();
        let record = i.store.load().unwrap();
        assert_eq!(record.expression.entry(chosen.slot).unwrap().version, 2);
    }
}

/// A model on trial whose file has gone bad is rolled back when it is opened; a confirmed one is not
/// run either, and the record stays, as the file may come back.
#[test]
fn damaged_slots_are_not_run() {
    let disk = confirmed(&[2]);
    install(&disk, &[expression(4)]);
    let i = installer(&disk);
    let damage = |slot| {
        let path = i.store.slot_path(Role::Expression, slot);
        mien_device::update::fs::Fs::write(&&disk, &path, b"MIENPACK and nothing else").unwrap();
    };
    let active = i.store.load().unwrap().expression.active.unwrap();
    damage(active);
    assert_eq!(
        i.choose(Role::Expression, Part::Keeper)
            .unwrap()
            .unwrap()
            .slot,
        active.other()
    );
    let record = i.store.load().unwrap();
    assert_eq!(record.expression.active, Some(active.other()));
    assert_eq!(record.expression.blocked[0].fault, Fault::Unusable);

    damage(active.other());
    assert!(
        i.choose(Role::Expression, Part::Keeper).unwrap().is_none(),
        "the factory's is left"
    );
    assert_eq!(i.store.load().unwrap(), record);
}

/// The test of the test: where syncing does nothing, the cuts show it.
#[test]
fn a_disk_that_does_not_sync_is_found_out() {
    let mut before = confirmed(&[2, 3]).restarted(1);
    before.syncs = false;
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let (seen, _) = outcomes(&before, Trouble::PowerCut, new_versions);
        seen == BTreeSet::from([[Some(3); 2], [Some(5), Some(6)]])
    }));
    assert!(!matches!(found, Ok(true)));
}
