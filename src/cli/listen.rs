//! `allo listen`: live captions of what the microphone hears, with a level meter and the language.
//!
//! The microphone is there in builds with the feature `mic`; a recording may stand for it in every build.

mod source;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tokio::time::MissedTickBehavior;

use self::source::{Played, Source};
use super::Context;
use super::captions::Screen;
use super::terminal::{Palette, say};
use super::transcribe::language_choice;
use crate::call::Channel;
use crate::call::event::{CallEndReason, Event};
use crate::clock::SystemClock;
use crate::live::{self, CallSetup, Live, Missed, Peek, Reader, Track};
use crate::serve::live::events::event_json;
use crate::vad::level_dbfs;

/// How often the source is asked for sound: what telephony sends at once.
const EVERY: Duration = Duration::from_millis(20);
/// Sound of which the meter shows the level; shorter flickers.
const METERED: Duration = Duration::from_millis(100);

/// Arguments of `allo listen`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Name of the microphone; without it the default one.
    #[arg(long, value_name = "NAME", conflicts_with = "input")]
    device: Option<String>,
    /// List the microphones and end.
    #[arg(long)]
    devices: bool,
    /// A recording instead of the microphone, played in real time.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Language: fr, en, nl or auto.
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<String>,
}

/// Runs `allo listen`. Nothing that is heard is kept.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.devices {
        return source::list_devices();
    }
    let config = context.load_config()?;
    let language = language_choice(arguments.language.as_deref(), &config)?;
    // Before the models are loaded: what is missing is told at once.
    let mut source: Box<dyn Source> = match &arguments.input {
        Some(file) => Box::new(Played::open(file, Arc::new(SystemClock))?),
        None => source::microphone(arguments.device.as_deref())?,
    };
    let live = live::machinery::start(&config, &context.home, None)?;
    let track = Track { channel: Channel::Mixed, rate: source.rate() };
    let setup = CallSetup { language, ..CallSetup::new("microphone", vec![track]) };
    say(&format!("listening to {}; Ctrl-C ends it", source.name()));
    let mut screen = Screen::new(Palette::for_stdout(), true);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stopped = async { drop(tokio::signal::ctrl_c().await) };
    let followed = runtime.block_on(follow(&live, setup, source.as_mut(), (stopped, &mut screen)));
    screen.finish();
    followed?;
    Ok(ExitCode::SUCCESS)
}

/// Who sees what becomes known.
trait Viewer {
    /// Something became known.
    fn event(&mut self, event: &Event) -> anyhow::Result<()>;
    /// How loud it is now.
    fn level(&mut self, level_dbfs: f32);
}

impl Viewer for Screen {
    fn event(&mut self, event: &Event) -> anyhow::Result<()> {
        self.show(&event_json(event))
    }

    fn level(&mut self, level_dbfs: f32) {
        self.meter(level_dbfs);
    }
}

/// Takes sound to a call until the source has no more or `stopped` ends, then waits for what the last words become.
async fn follow(
    live: &Arc<Live>,
    setup: CallSetup,
    source: &mut dyn Source,
    (stopped, viewer): (impl Future<Output = ()>, &mut impl Viewer),
) -> anyhow::Result<()> {
    let rate = source.rate();
    let call = live.open(setup).context("nothing can be listened to")?;
    let mut events = call.events().subscribe(1);
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let metered = (METERED.as_secs_f64() * f64::from(rate.hz())) as usize;
    let (mut samples, mut latest) = (Vec::new(), Vec::new());
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = &mut stopped => break,
        }
        // Whether more may come is asked first: what came before the end is read in any case.
        let has_ended = source.has_ended();
        samples.clear();
        let lost = source.read(&mut samples);
        if !samples.is_empty() {
            call.audio(0, &samples);
            latest.extend_from_slice(&samples);
            latest.drain(..latest.len().saturating_sub(metered));
            viewer.level(level_dbfs(&latest));
        }
        if lost > 0 {
            call.lost(0, lost);
        }
        show_known(&mut events, viewer)?;
        if has_ended {
            break;
        }
    }
    call.end(CallEndReason::Stopped);
    loop {
        match events.next().await {
            Ok(Some(event)) => viewer.event(&event)?,
            Ok(None) => break,
            Err(missed) => tell_missed(missed),
        }
    }
    source.failure().map_or(Ok(()), Err)
}

/// Shows what is known already.
fn show_known(events: &mut Reader, viewer: &mut impl Viewer) -> anyhow::Result<()> {
    loop {
        match events.peek() {
            Ok(Peek::Event(event)) => viewer.event(&event)?,
            Ok(Peek::NotYet | Peek::End) => return Ok(()),
            Err(missed) => tell_missed(missed),
        }
    }
}

fn tell_missed(missed: Missed) {
    tracing::warn!(%missed, "the terminal was too slow");
}

#[cfg(test)]
mod tests;
