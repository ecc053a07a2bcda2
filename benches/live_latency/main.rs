//! What a caller waits for, and how many callers one machine bears. `docs/live.md` says how to read it.
//!
//! ```sh
//! cargo bench --bench live_latency -- latency [MANIFEST.tsv] [--phone] [--asked] [--peer] [--fast] [--texts] [--limit N]
//! cargo bench --bench live_latency -- calls [FIRST] [LAST] [SECONDS]
//! cargo bench --bench live_latency -- idle [CALLS] [SECONDS] [--noise]
//! cargo bench --bench live_latency -- idle-inside [CALLS] [SECONDS] [--noise]
//! cargo bench --bench live_latency -- soak [CALLS] [AT_ONCE]
//! ```
//!
//! `latency` plays clips one after the other in real time (without a manifest: the fixture calls) and prints the lag of
//! finals and of `turn.ended`, where it goes, the word error rate and how many utterances were cut. Lags are counted from
//! the end of the utterance in the script, where the clip has one, and from the end that voice detection heard. With
//! `--asked` a dialogue waits for what is said, as on a call that a bot answers; without it people talk to each other. With
//! `--fast` nothing is played in real time, for texts and cuts only; with `--peer` it also says what faster-whisper needs
//! behind the same voice detection and a fixed pause; with `--texts` it shows what was said and what each of them heard.
//!
//! `calls` plays that many calls at once, each speaking 40 % of the time, until one number is too many, then offers a fifth
//! more to a machine that may refuse.
//!
//! `idle` and `soak` start `allo serve` of this build as a process of its own, call it over its WebSocket and look at that
//! process alone. `idle` connects calls in which nobody speaks. `soak` makes many short calls and fails when memory after
//! the last is more than 5 % above that after call 100. `idle-inside` opens the calls of `idle` in this process: what
//! listening costs without connections.

mod clips;
mod dial;
mod idle;
mod lags;
mod latency;
mod load;
mod machine;
mod peer;
mod play;
mod report;
mod server;
mod soak;

use std::path::PathBuf;
use std::time::Duration;

fn main() -> anyhow::Result<()> {
    let mut arguments = Arguments::new(std::env::args().skip(1).filter(|text| text != "--bench").collect());
    let (phone, noise, peer) =
        (arguments.flag("--phone"), arguments.flag("--noise"), arguments.flag("--peer"));
    let (asked, fast) = (arguments.flag("--asked"), arguments.flag("--fast"));
    let texts = arguments.flag("--texts");
    let limit = arguments.value("--limit")?.unwrap_or(usize::MAX);
    let mode = arguments.0.first().cloned().unwrap_or_else(|| "latency".to_owned());
    match mode.as_str() {
        "latency" => {
            let manifest = arguments.0.get(1).map(PathBuf::from);
            latency::run(&latency::Plan { manifest, phone, peer, fast, asked, texts, limit })
        }
        "calls" => {
            load::calls(arguments.number(1, 2)?..=arguments.number(2, 40)?, seconds(arguments.number(3, 60)?))
        }
        "idle" => idle::connected(arguments.idle(noise)?),
        "idle-inside" => idle::inside(arguments.idle(noise)?),
        "soak" => soak::run(arguments.number(1, 1_000)?, arguments.number(2, 8)?),
        other => anyhow::bail!("unknown mode `{other}`, expected latency, calls, idle, idle-inside or soak"),
    }
}

fn seconds(number: usize) -> Duration {
    Duration::from_secs(number as u64)
}

/// What the command line says, without the flags that were taken out.
struct Arguments(Vec<String>);

impl Arguments {
    fn new(words: Vec<String>) -> Self {
        Self(words)
    }

    fn flag(&mut self, name: &str) -> bool {
        let place = self.0.iter().position(|text| text == name);
        place.map(|place| self.0.remove(place)).is_some()
    }

    fn value(&mut self, name: &str) -> anyhow::Result<Option<usize>> {
        let Some(place) = self.0.iter().position(|text| text == name) else { return Ok(None) };
        self.0.remove(place);
        anyhow::ensure!(place < self.0.len(), "{name} needs a number");
        Ok(Some(self.0.remove(place).parse()?))
    }

    fn idle(&self, noise: bool) -> anyhow::Result<idle::Plan> {
        Ok(idle::Plan { calls: self.number(1, 200)?, length: seconds(self.number(2, 30)?), noise })
    }

    fn number(&self, at: usize, otherwise: usize) -> anyhow::Result<usize> {
        Ok(self.0.get(at).map(|text| text.parse()).transpose()?.unwrap_or(otherwise))
    }
}

#[expect(clippy::print_stdout, reason = "the bench's own output")]
fn say(text: &str) {
    println!("{text}");
}
