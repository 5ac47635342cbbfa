//! What runs on the device: one line for its POSIX shell, whatever the user's login shell is. It needs
//! nothing but what every Debian has.

use super::Job;
use super::parcel::SUMS;

/// Exit code: the files did not arrive whole, or there is no room for them.
pub const NO_ROOM: i32 = 72;
/// Exit code: they arrived, but not as they were sent.
pub const DAMAGED: i32 = 73;
/// Exit code of a shell that does not find a program.
pub const NO_PROGRAM: i32 = 127;
/// Stands before the answer: what the login shell says comes earlier.
const MARK: &str = "mien-flash-answer:";

/// The line for a job.
pub fn of(job: Job<'_>, program: &str) -> String {
    let program = quoted(program);
    let line = match job {
        Job::Install {
            parcel,
            force,
            dry_run,
        } => {
            let mut options = String::new();
            for (option, is_set) in [(" --force", force), (" --dry-run", dry_run)] {
                options += if is_set { option } else { "" };
            }
            let names = parcel.names().join(" ");
            // Gone again whatever happens, also when the connection is.
            format!(
                "umask 077; \
                 d=$(mktemp -d \"${{TMPDIR:-/tmp}}/mien.XXXXXX\") || exit {NO_ROOM}; \
                 trap \"rm -rf \\\"$d\\\"\" 0; trap \"exit {NO_ROOM}\" 1 2 13 15; \
                 cd \"$d\" || exit {NO_ROOM}; \
                 tar -xf - || exit {NO_ROOM}; \
                 sha256sum --quiet -c {SUMS} >&2 || exit {DAMAGED}; \
                 command -v {program} >/dev/null || exit {NO_PROGRAM}; \
                 echo; echo {MARK}; \
                 {program} install --json{options} {names}"
            )
        }
        Job::RollBack => format!(
            "command -v {program} >/dev/null || exit {NO_PROGRAM}; \
             echo; echo {MARK}; {program} rollback --json"
        ),
        Job::Trust(key) => format!(
            "command -v {program} >/dev/null || exit {NO_PROGRAM}; \
             s=\"sudo -n\"; if [ \"$(id -u)\" = 0 ]; then s=; fi; \
             $s {program} trust {key} >&2 || exit 1; \
             $s systemctl try-restart mien-device >/dev/null 2>&1; \
             echo; echo {MARK}; echo trusted"
        ),
    };
    format!("exec sh -c {}", quoted(&line))
}

/// What stands behind the mark.
pub fn answer(stdout: &str) -> Option<&str> {
    let (_, answer) = stdout.split_once(MARK)?;
    Some(answer.trim()).filter(|answer| !answer.is_empty())
}

/// One word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn words_stay_words() {
        for text in ["mien-device", "a b", "it's", "$(reboot)", "a;b", "\"", "\\"] {
            let output = Command::new("sh")
                .args(["-c", &format!("printf %s {}", quoted(text))])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), text);
        }
    }

    #[test]
    fn what_the_login_shell_says_is_no_answer() {
        assert_eq!(answer("Welcome!\n\nmien-flash-answer:\n{}\n"), Some("{}"));
        assert_eq!(answer("Welcome!\n"), None);
        assert_eq!(answer("mien-flash-answer:\n"), None);
    }
}
