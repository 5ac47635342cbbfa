//! The machine that was measured, as far as Linux tells.

use std::fs;
use std::num::NonZero;
use std::thread;

use serde::Serialize;

/// What times depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// The board's name (device tree), else the CPU's, else the architecture.
    pub name: String,
    /// The architecture the program was built for.
    pub architecture: &'static str,
    /// Hardware threads that this program may use.
    pub threads: usize,
}

impl Machine {
    /// This machine.
    pub fn this() -> Self {
        let board = fs::read_to_string("/proc/device-tree/model").ok();
        let cpus = fs::read_to_string("/proc/cpuinfo").ok();
        let architecture = std::env::consts::ARCH;
        let name = board
            .as_deref()
            .and_then(board_name)
            .or_else(|| cpus.as_deref().and_then(cpu_name))
            .unwrap_or(architecture);
        Self {
            name: name.to_owned(),
            architecture,
            threads: thread::available_parallelism().map_or(1, NonZero::get),
        }
    }
}

/// The most memory this process ever had resident, in bytes; `None` where the system does not
/// tell.
pub fn peak_memory_bytes() -> Option<u64> {
    peak_of(&fs::read_to_string("/proc/self/status").ok()?)
}

/// proc_pid_status(5): `VmHWM:     1234 kB`.
fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Device tree strings end with a zero byte.
fn board_name(text: &str) -> Option<&str> {
    Some(text.trim_end_matches('\0').trim()).filter(|name| !name.is_empty())
}

fn cpu_name(cpuinfo: &str) -> Option<&str> {
    cpuinfo.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        let is_name = key.trim() == "model name";
        (is_name && !value.trim().is_empty()).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_named_by_its_device_tree() {
        let model = "Raspberry Pi 4 Model B Rev 1.5\0";
        assert_eq!(board_name(model), Some("Raspberry Pi 4 Model B Rev 1.5"));
        assert_eq!(board_name("\0"), None);
    }

    #[test]
    fn a_cpu_is_named_by_its_model() {
        let cpuinfo = "processor\t: 0\nmodel\t\t: 17\nmodel name\t: Some CPU\nprocessor\t: 1\n";
        assert_eq!(cpu_name(cpuinfo), Some("Some CPU"));
        assert_eq!(cpu_name("processor\t: 0\nBogoMIPS\t: 108.00\n"), None);
    }

    #[test]
    fn peak_memory_is_the_high_water_mark() {
        let status = "VmPeak:\t  999 kB\nVmHWM:\t   1234 kB\nVmRSS:\t 1000 kB\n";
        assert_eq!(peak_of(status), Some(1234 * 1024));
        assert_eq!(peak_of("VmRSS:\t 1000 kB\n"), None);
        assert_eq!(peak_of("VmHWM:\t none kB\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_used_memory() {
        assert!(peak_memory_bytes().is_some_and(|bytes| bytes > 1 << 20));
        assert!(Machine::this().threads >= 1);
    }
}
