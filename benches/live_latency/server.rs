//! A service in a process of its own, so that what is measured of it holds nothing of those who call it.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use allo::config::Config;
use allo::home::{HOME_VARIABLE, Home, MODELS_VARIABLE};
use allo::serve::keys::KEY_VARIABLE;
use anyhow::Context as _;

use super::machine::Process;

/// A service that runs; dropping it ends it.
pub struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts `allo serve` of this build on a free port of loopback and waits until it is ready. It keeps everything in
    /// `home`, has the models of this machine and hears as the configuration in the working folder says.
    pub fn start(home: &Path, change: impl FnOnce(&mut Config)) -> anyhow::Result<Self> {
        let mut config = Config::load(None)?;
        // Nobody is answered, and nobody outside is told of a call.
        config.bot = Default::default();
        config.handover = Default::default();
        config.serve = allo::serve::config::Config {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            ..allo::serve::config::Config::default()
        };
        change(&mut config);
        let file = home.join("allo.toml");
        std::fs::write(&file, config.to_toml())?;
        let models = Home::resolve(|name| std::env::var_os(name))?.models().to_path_buf();
        let mut command = Command::new(env!("CARGO_BIN_EXE_allo"));
        command
            .args(["serve", "--config"])
            .arg(&file)
            .env(HOME_VARIABLE, home)
            .env(MODELS_VARIABLE, models)
            .env_remove(KEY_VARIABLE)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let child = command.spawn().context("the service cannot be started")?;
        // From here on it is ended in any case.
        let mut server = Self { child, address: (Ipv4Addr::LOCALHOST, 0).into() };
        server.address = server.ready()?;
        Ok(server)
    }

    /// Where it listens, when it does.
    fn ready(&mut self) -> anyhow::Result<SocketAddr> {
        let stdout = self.child.stdout.take().context("the service has no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        anyhow::ensure!(!line.is_empty(), "the service ended before it was ready; stderr says why");
        let ready: serde_json::Value = serde_json::from_str(&line)?;
        let url = ready["http"].as_str().context("the service says no address")?;
        Ok(url.strip_prefix("http://").unwrap_or(url).parse()?)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub fn process(&self) -> Process {
        Process::of(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
