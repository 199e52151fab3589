//! Where the socket is, how it comes to be, and how it is reached.

use std::{
    fs::{self, File},
    io,
    os::unix::{
        fs::{DirBuilderExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

/// File name of the socket in the data directory.
pub const SOCKET_NAME: &str = "control.sock";

/// Longest path that fits `sun_path` everywhere (macOS 104, Linux 108, one for the terminator).
const MAX_SUN_PATH: usize = 103;

/// Binds the control socket of `data_dir`.
///
/// The caller holds the lock of the data directory, so a socket that lies there was left behind by
/// a dead process and is replaced. The socket is made in a directory of mode 0700 and only then
/// moved to its place, so that at no moment others can reach it.
///
/// # Errors
/// What the system says.
pub fn bind(data_dir: &Path) -> io::Result<UnixListener> {
    let private = data_dir.join(format!(".control-{}", std::process::id()));
    let made = private.join("s");
    drop(fs::remove_file(&made));
    drop(fs::remove_dir(&private));
    fs::DirBuilder::new().mode(0o700).create(&private)?;
    let bound = short(&made, |path| UnixListener::bind(path)).and_then(|listener| {
        fs::set_permissions(&made, fs::Permissions::from_mode(0o600))?;
        fs::rename(&made, data_dir.join(SOCKET_NAME))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    drop(fs::remove_file(&made));
    drop(fs::remove_dir(&private));
    bound
}

/// Connects to the control socket of `data_dir`.
///
/// # Errors
/// `NotFound` or `ConnectionRefused` when no node runs there; else what the system says.
pub fn connect(data_dir: &Path) -> io::Result<UnixStream> {
    short(&data_dir.join(SOCKET_NAME), |path| {
        UnixStream::connect(path)
    })
}

/// Calls `f` with a path to the same file that fits `sun_path`: the path itself, or one through an
/// open descriptor of its directory.
fn short<T>(path: &Path, f: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    if path.as_os_str().len() <= MAX_SUN_PATH {
        return f(path);
    }
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return f(path);
    };
    let open = File::open(dir)?;
    f(&descriptor_path(&open)?.join(name))
}

#[cfg(target_os = "linux")]
fn descriptor_path(dir: &File) -> io::Result<PathBuf> {
    use std::os::fd::AsRawFd;
    Ok(PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd())))
}

#[cfg(not(target_os = "linux"))]
fn descriptor_path(_dir: &File) -> io::Result<PathBuf> {
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "the path of the data directory is too long for a Unix socket",
    ))
}
