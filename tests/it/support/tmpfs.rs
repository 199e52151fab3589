//! A real file system that can be filled.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

/// A small file system in memory, unmounted at the end.
pub(crate) struct Tmpfs(PathBuf);

impl Tmpfs {
    /// Mounts one of `mib` MiB at the directory `at`. `None`, and a line that says so, if this user
    /// may not mount: a test that is skipped must not look like one that ran.
    #[allow(clippy::print_stderr)]
    pub(crate) fn mount(at: &Path, mib: u32) -> Option<Self> {
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(at)
            .output();
        let why = match done {
            Ok(output) if output.status.success() => return Some(Self(at.to_owned())),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        eprintln!("skipped: no file system of its own to fill ({why})");
        None
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Fills it to the last byte with the file `ballast`, which can be removed again.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.path("ballast");
        let mut file = File::create(&path).expect("a file system in memory");
        let mut chunk = 1 << 20;
        while chunk > 0 {
            if file.write_all(&vec![7; chunk]).is_err() {
                chunk /= 2;
            }
        }
        path
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
