//! The live calls that are measured, and what they take of this machine.

use std::sync::Arc;
use std::time::Duration;

use allo::config::Config;
use allo::home::Home;
use allo::live::{Live, machinery};
use allo::store::Store;
use tempfile::TempDir;

/// Live calls with a store of their own, so that keeping a final costs what it costs.
pub struct Machine {
    pub live: Arc<Live>,
    _folder: TempDir,
}

/// Starts with the models of this machine and the configuration in the working folder.
pub fn start(change: impl FnOnce(&mut Config)) -> anyhow::Result<Machine> {
    let home = Home::resolve(|name| std::env::var_os(name))?;
    let mut config = Config::load(None)?;
    change(&mut config);
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let store = runtime.block_on(Store::open(&folder.path().join("allo.db")))?;
    Ok(Machine { live: machinery::start(&config, &home, Some(store))?, _folder: folder })
}

/// A process of this machine, as the system sees it; Linux only, zeros elsewhere.
pub struct Process(String);

impl Process {
    /// This one.
    pub fn own() -> Self {
        Self("self".to_owned())
    }

    /// The one of that number.
    pub fn of(id: u32) -> Self {
        Self(id.to_string())
    }

    /// What all its threads have worked so far.
    pub fn processor_time(&self) -> Duration {
        let text = self.read("stat");
        let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        // utime and stime, in hundredths of a second.
        Duration::from_millis(10 * (ticks(11) + ticks(12)))
    }

    /// Its memory that is in use.
    pub fn resident_kb(&self) -> u64 {
        let text = self.read("status");
        let line = text.lines().find(|line| line.starts_with("VmRSS"));
        line.and_then(|line| line.split_whitespace().nth(1))
            .and_then(|number| number.parse().ok())
            .unwrap_or(0)
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.0)).unwrap_or_default()
    }
}
