//! A disk in memory that loses power, tears what was not synced, fills up and fails, by a seed.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rand::SeedableRng;

use crate::{
    clock::Rng,
    storage::disk::{Disk, DiskFile},
};

use super::platter::{Contents, Op};

#[derive(Debug)]
struct Machine {
    rng: Rng,
    files: BTreeMap<String, Contents>,
    /// Changes to the disk until the power goes.
    power: Option<u64>,
    /// Most bytes of all files.
    room: Option<u64>,
    /// Syncs of files whose name begins so do nothing: a planted bug.
    ignore_syncs_of: Option<&'static str>,
}

/// The disk. Clones are the same disk.
#[derive(Clone, Debug)]
pub(super) struct SimDisk(Arc<Mutex<Machine>>);

impl SimDisk {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Machine {
            rng: Rng::seed_from_u64(seed),
            files: BTreeMap::new(),
            power: None,
            room: None,
            ignore_syncs_of: None,
        })))
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The power goes after `changes` more changes; everything fails from then on.
    pub(super) fn lose_power_after(&self, changes: u64) {
        self.machine().power = Some(changes);
    }

    /// Syncs of files whose name begins with `prefix` do nothing from now on.
    pub(super) fn ignore_syncs_of(&self, prefix: &'static str) {
        self.machine().ignore_syncs_of = Some(prefix);
    }

    /// All files together may have `bytes` bytes.
    pub(super) fn set_room(&self, bytes: Option<u64>) {
        self.machine().room = bytes;
    }

    /// Bytes of all files.
    pub(super) fn used(&self) -> u64 {
        self.machine().used()
    }

    /// Switches the power off and on again.
    pub(super) fn power_cycle(&self) {
        let mut machine = self.machine();
        let Machine {
            rng, files, power, ..
        } = &mut *machine;
        *power = None;
        for contents in files.values_mut() {
            contents.power_cycle(rng);
        }
        files.retain(|_, contents| contents.exists);
    }

    /// Changes bytes of a file behind everybody's back.
    pub(super) fn damage(&self, name: &str, f: impl FnOnce(&mut Vec<u8>)) {
        let mut machine = self.machine();
        let contents = machine.files.get_mut(name).expect("the file exists");
        f(&mut contents.platter);
        contents.seen.clone_from(&contents.platter);
        contents.unsynced.clear();
    }
}

impl Machine {
    fn used(&self) -> u64 {
        let lengths = self.files.values().filter(|c| c.exists);
        lengths.map(|c| c.seen.len() as u64).sum()
    }

    fn powered(&self) -> io::Result<()> {
        match self.power {
            Some(0) => Err(io::Error::other("the power is out")),
            _ => Ok(()),
        }
    }

    /// Counts one change.
    fn change(&mut self) -> io::Result<()> {
        self.powered()?;
        if let Some(left) = &mut self.power {
            *left -= 1;
        }
        self.powered()
    }

    fn grow(&self, by: usize) -> io::Result<()> {
        match self.room {
            Some(room) if self.used() + by as u64 > room => Err(ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

impl Disk for SimDisk {
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        let mut machine = self.machine();
        machine.powered()?;
        let exists = machine.files.get(name).is_some_and(|c| c.exists);
        if !exists && !create {
            return Err(ErrorKind::NotFound.into());
        }
        if !exists {
            machine.change()?;
            let contents = machine.files.entry(name.to_owned()).or_default();
            contents.exists = true;
            contents.seen.clear();
            contents.unsynced.push(Op::SetLen(0));
        }
        Ok(Arc::new(SimFile {
            disk: self.clone(),
            name: name.to_owned(),
        }))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let machine = self.machine();
        machine.powered()?;
        let all = machine.files.iter().filter(|(_, c)| c.exists);
        Ok(all
            .filter_map(|(name, _)| name.strip_prefix(dir)?.strip_prefix('/'))
            .map(str::to_owned)
            .collect())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut machine = self.machine();
        machine.change()?;
        match machine.files.get_mut(name).filter(|c| c.exists) {
            Some(contents) => {
                contents.exists = false;
                Ok(())
            }
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    /// The entries of both names may survive a power cut, one of them, or none.
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut machine = self.machine();
        machine.change()?;
        let source = machine.files.get_mut(from).filter(|c| c.exists);
        let source = source.ok_or(ErrorKind::NotFound)?;
        source.exists = false;
        let mut moved = Contents {
            platter: source.platter.clone(),
            seen: source.seen.clone(),
            unsynced: source.unsynced.clone(),
            exists: true,
            entry_durable: false,
        };
        if let Some(target) = machine.files.get(to) {
            moved.entry_durable = target.entry_durable;
        }
        machine.files.insert(to.to_owned(), moved);
        Ok(())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let mut machine = self.machine();
        machine.change()?;
        let prefix = if dir.is_empty() {
            String::new()
        } else {
            format!("{dir}/")
        };
        for (name, contents) in &mut machine.files {
            let inside = name.strip_prefix(&prefix).is_some_and(|n| !n.contains('/'));
            if inside {
                contents.entry_durable = contents.exists;
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    name: String,
}

impl SimFile {
    fn with<R>(&self, f: impl FnOnce(&mut Contents) -> R) -> io::Result<R> {
        let mut machine = self.disk.machine();
        machine.powered()?;
        Ok(f(machine.files.entry(self.name.clone()).or_default()))
    }

    fn change(&self, op: Op, grows_to: usize) -> io::Result<()> {
        let mut machine = self.disk.machine();
        machine.change()?;
        let len = machine.files.get(&self.name).map_or(0, |c| c.seen.len());
        machine.grow(grows_to.saturating_sub(len))?;
        drop(machine);
        self.with(|contents| {
            op.apply(&mut contents.seen);
            contents.unsynced.push(op);
        })
    }
}

impl DiskFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        self.with(|contents| contents.seen.len() as u64)
    }

    fn used(&self) -> io::Result<u64> {
        self.len()
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let from = offset as usize;
        self.with(|contents| match contents.seen.get(from..from + out.len()) {
            Some(bytes) => {
                out.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(ErrorKind::UnexpectedEof.into()),
        })?
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let end = offset as usize + data.len();
        self.change(Op::Write(offset as usize, data.to_vec()), end)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Op::SetLen(len as usize), len as usize)
    }

    fn sync(&self) -> io::Result<()> {
        let mut machine = self.disk.machine();
        machine.change()?;
        let ignored = machine.ignore_syncs_of;
        if ignored.is_some_and(|prefix| self.name.starts_with(prefix)) {
            return Ok(());
        }
        drop(machine);
        self.with(|contents| {
            contents.sync();
        })
    }
}
