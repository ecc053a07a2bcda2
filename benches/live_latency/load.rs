//! Many calls at once: how many speak before finals come late.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use allo::audio::SampleRate;
use allo::call::{Channel, Language};
use allo::clock::{Clock, SystemClock};
use allo::config::Config;
use allo::live::replay::Pacer;
use allo::live::{Live, Refused, Snapshot};

use super::clips::{self, Sound};
use super::machine::{self, Process};
use super::{play, report, say};

/// Part of the time that somebody speaks in the calls of `calls`.
const SPEECH_SHARE: f64 = 0.4;
/// Finals of a machine that is not full come within this time.
const LAG_GOAL: Duration = Duration::from_secs(1);
/// Nobody begins to speak at the same moment as another.
const STAGGER: Duration = Duration::from_millis(1_370);

/// Sound of one caller, and its language.
type Caller = (Vec<f32>, Language);

/// Plays more and more calls until finals come late, then offers a fifth more than were borne.
pub fn calls(numbers: RangeInclusive<usize>, length: Duration) -> anyhow::Result<()> {
    let callers = Arc::new(callers()?);
    let mut borne = None;
    {
        let machine = machine::start(|config| config.live.admission = false)?;
        for number in numbers {
            let crowd = crowd(&machine.live, &callers, (number, length))?;
            say(&format!("{number} calls: {}", crowd.line()));
            if crowd.p95() > LAG_GOAL {
                break;
            }
            borne = Some(number);
        }
    }
    let Some(borne) = borne else {
        say("not even the first number kept p95 within a second");
        return Ok(());
    };
    say(&format!("{borne} calls at once keep p95 within {} ms", LAG_GOAL.as_millis()));
    let offered = borne + borne.div_ceil(5);
    for (name, overload) in [
        ("refusing", allo::live::config::Overload::Refuse),
        ("finals only", allo::live::config::Overload::FinalsOnly),
    ] {
        let machine = machine::start(|config: &mut Config| config.live.overload = overload)?;
        let crowd = crowd(&machine.live, &callers, (offered, length))?;
        say(&format!("{offered} calls offered, {name}: {}", crowd.line()));
    }
    Ok(())
}

/// Callers of the fixture calls, each utterance followed by as much silence as makes it 40 %.
fn callers() -> anyhow::Result<Vec<Caller>> {
    let mut callers = Vec::new();
    for clip in clips::load(None, usize::MAX)? {
        let mut samples = Vec::new();
        for piece in clip.pieces(Channel::Caller)? {
            let pause = vec![0.0; (piece.len() as f64 * (1.0 / SPEECH_SHARE - 1.0)) as usize];
            samples.extend(piece);
            samples.extend(pause);
        }
        callers.push((samples, clip.language));
    }
    Ok(callers)
}

/// What became of calls at once.
struct Crowd {
    lags: Vec<Duration>,
    /// Those of calls with full service.
    full_lags: Vec<Duration>,
    refused: usize,
    before: Snapshot,
    after: Snapshot,
    busy_cores: f64,
}

impl Crowd {
    fn p95(&self) -> Duration {
        let mut sorted = self.lags.clone();
        sorted.sort_unstable();
        Duration::from_millis(report::quantile_ms(&sorted, 0.95) as u64)
    }

    fn line(&self) -> String {
        let full = if self.full_lags.len() < self.lags.len() {
            format!(" (with full service {})", report::lags(&self.full_lags))
        } else {
            String::new()
        };
        format!(
            "{}{full}; {} refused, {} finals only; partials {} shown, {} dropped; {:.2} cores busy",
            report::lags(&self.lags),
            self.refused,
            self.after.calls_finals_only - self.before.calls_finals_only,
            self.after.partials - self.before.partials,
            self.after.partials_dropped - self.before.partials_dropped,
            self.busy_cores
        )
    }
}

fn crowd(
    live: &Arc<Live>,
    callers: &Arc<Vec<Caller>>,
    (number, length): (usize, Duration),
) -> anyhow::Result<Crowd> {
    let process = Process::own();
    let (before, began, busy) = (live.snapshot(), SystemClock.monotonic(), process.processor_time());
    let threads: Vec<_> = (0..number)
        .map(|index| {
            let (live, callers) = (Arc::clone(live), Arc::clone(callers));
            std::thread::spawn(move || one_of_many(&live, &callers[index % callers.len()], (index, length)))
        })
        .collect();
    let (mut lags, mut full_lags, mut refused) = (Vec::new(), Vec::new(), 0);
    for thread in threads {
        match thread.join().map_err(|_| anyhow::anyhow!("a caller panicked"))?? {
            Some((of_call, is_finals_only)) => {
                full_lags.extend(of_call.iter().filter(|_| !is_finals_only));
                lags.extend(of_call);
            }
            None => refused += 1,
        }
    }
    let busy_cores = (process.processor_time() - busy).as_secs_f64() / elapsed(began).as_secs_f64();
    Ok(Crowd { lags, full_lags, refused, before, after: live.snapshot(), busy_cores })
}

/// The lags of one call, and whether it had finals only; `None` when it was refused.
fn one_of_many(
    live: &Arc<Live>,
    (sound, language): &Caller,
    (index, length): (usize, Duration),
) -> anyhow::Result<Option<(Vec<Duration>, bool)>> {
    let rate = SampleRate::TELEPHONE;
    // Calls begin one after the other over ten seconds, so that admission sees what the first ones cost.
    let offset = Duration::from_millis(STAGGER.as_millis() as u64 * index as u64 % 10_000);
    Pacer::default().wait_until(SystemClock.monotonic() + offset, &SystemClock);
    let count = (length.as_secs_f64() * f64::from(rate.hz())) as usize;
    // Nobody says the same as another at the same time.
    let skipped = sound.len() * (index * 7 % 10) / 10;
    let samples: Vec<f32> = sound.iter().cycle().skip(skipped).take(count).copied().collect();
    let sound = Sound { rate, channels: vec![(Channel::Caller, samples)] };
    match play::open(live, &sound, *language) {
        Ok(call) => {
            let is_finals_only = call.is_finals_only();
            Ok(Some((play::play(call, &sound)?.lags(), is_finals_only)))
        }
        Err(Refused::Busy { .. }) => Ok(None),
        Err(refused) => Err(refused.into()),
    }
}

fn elapsed(since: Instant) -> Duration {
    SystemClock.monotonic().duration_since(since)
}
