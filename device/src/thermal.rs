//! How hot the machine is.

use std::fs;
use std::path::Path;

/// Where Linux tells.
pub const SYS: &str = "/sys";

/// The hottest thermal zone, degrees Celsius; `None` where there is no sensor. `sys` is the folder
/// [`SYS`].
pub fn hottest_c(sys: &Path) -> Option<f32> {
    let zones = fs::read_dir(sys.join("class/thermal")).ok()?;
    zones
        .flatten()
        .filter(|zone| {
            let name = zone.file_name();
            name.to_string_lossy().starts_with("thermal_zone")
        })
        .filter_map(|zone| {
            let text = fs::read_to_string(zone.path().join("temp")).ok()?;
            text.trim().parse::<f32>().ok()
        })
        .max_by(f32::total_cmp)
        .map(|thousandths| thousandths / 1000.0)
}
