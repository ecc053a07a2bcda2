//! Where the sound of `allo listen` comes from.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::audio::SampleRate;
use crate::clock::Clock;
use crate::media::{Block, OpenOptions, Recording};

/// Something that gives sound as time goes by.
pub(super) trait Source {
    /// What a person calls it.
    fn name(&self) -> String;
    /// Rate of its samples.
    fn rate(&self) -> SampleRate;
    /// Appends what was heard since the last call; gives how many samples behind them were lost. Does not wait.
    fn read(&mut self, samples: &mut Vec<f32>) -> u64;
    /// Whether no more comes than what can be read now.
    fn has_ended(&self) -> bool;
    /// Why it ended, if that is not as it should.
    fn failure(&mut self) -> Option<anyhow::Error>;
}

/// A recording, played in real time: its channels mixed, as one microphone would hear them.
pub(super) struct Played {
    recording: Recording,
    clock: Arc<dyn Clock>,
    began: Option<Instant>,
    /// Samples that were given.
    given: u64,
    waiting: Vec<f32>,
    block: Block,
    is_over: bool,
    damage: Option<crate::media::Error>,
}

impl Played {
    /// Opens a recording; it begins with the first read.
    pub(super) fn open(file: &Path, clock: Arc<dyn Clock>) -> Result<Self, crate::media::Error> {
        Ok(Self {
            recording: Recording::open(file, &OpenOptions::default())?,
            clock,
            began: None,
            given: 0,
            waiting: Vec::new(),
            block: Block::new(),
            is_over: false,
            damage: None,
        })
    }

    /// Reads until `count` samples wait, or all that are left.
    fn fill(&mut self, count: usize) {
        while self.waiting.len() < count && !self.is_over {
            match self.recording.next_block(&mut self.block) {
                Ok(true) => {
                    let planes = self.block.planes();
                    let share = 1.0 / planes.len() as f32;
                    let mixed = |at: usize| planes.iter().map(|plane| plane[at]).sum::<f32>() * share;
                    self.waiting.extend((0..self.block.frames()).map(mixed));
                }
                Ok(false) => self.is_over = true,
                Err(damage) => (self.is_over, self.damage) = (true, Some(damage)),
            }
        }
    }
}

impl Source for Played {
    fn name(&self) -> String {
        self.recording.path().display().to_string()
    }

    fn rate(&self) -> SampleRate {
        self.recording.info().sample_rate
    }

    fn read(&mut self, samples: &mut Vec<f32>) -> u64 {
        let now = self.clock.monotonic();
        let since: Duration = now.saturating_duration_since(*self.began.get_or_insert(now));
        let spoken = (since.as_secs_f64() * f64::from(self.rate().hz())) as u64;
        let due = usize::try_from(spoken.saturating_sub(self.given)).unwrap_or(usize::MAX);
        self.fill(due);
        let count = due.min(self.waiting.len());
        samples.extend(self.waiting.drain(..count));
        self.given += count as u64;
        0
    }

    fn has_ended(&self) -> bool {
        self.is_over && self.waiting.is_empty()
    }

    fn failure(&mut self) -> Option<anyhow::Error> {
        self.damage.take().map(anyhow::Error::from)
    }
}

#[cfg(feature = "mic")]
impl Source for crate::ingress::microphone::Microphone {
    fn name(&self) -> String {
        self.name().to_owned()
    }

    fn rate(&self) -> SampleRate {
        self.rate()
    }

    fn read(&mut self, samples: &mut Vec<f32>) -> u64 {
        self.read(samples)
    }

    fn has_ended(&self) -> bool {
        self.has_failed()
    }

    fn failure(&mut self) -> Option<anyhow::Error> {
        self.has_failed().then(|| anyhow::anyhow!("the microphone `{}` is gone", self.name()))
    }
}

/// The microphone of that name, or the default one.
#[cfg(feature = "mic")]
pub(super) fn microphone(name: Option<&str>) -> anyhow::Result<Box<dyn Source>> {
    Ok(Box::new(crate::ingress::microphone::Microphone::open(name)?))
}

/// There is none in this build.
#[cfg(not(feature = "mic"))]
pub(super) fn microphone(_name: Option<&str>) -> anyhow::Result<Box<dyn Source>> {
    Err(no_microphones())
}

/// Prints the names of the microphones.
#[cfg(feature = "mic")]
pub(super) fn list_devices() -> anyhow::Result<ExitCode> {
    for name in crate::ingress::microphone::devices()? {
        crate::cli::terminal::write_stdout(&format!("{name}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// There are none in this build.
#[cfg(not(feature = "mic"))]
pub(super) fn list_devices() -> anyhow::Result<ExitCode> {
    Err(no_microphones())
}

/// Also in the tests of a build that has them, which are those that are run.
#[cfg(any(test, not(feature = "mic")))]
fn no_microphones() -> anyhow::Error {
    anyhow::anyhow!(
        "this build of allo has no microphone\n\
         hint: build it with `cargo build --release --features mic` (docs/ingress.md, \"Microphone\"), or play a recording \
         with --input FILE"
    )
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn a_recording_is_heard_as_time_goes_by() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("one.wav");
        // Two channels of 8 kHz PCM, a quarter of a second: 0.5 left, -0.5 and then 0 right.
        let mut data = Vec::new();
        for index in 0..2_000_u32 {
            data.extend(16_384_i16.to_le_bytes());
            data.extend((if index < 1_000 { -16_384_i16 } else { 0 }).to_le_bytes());
        }
        let mut wave = b"RIFF".to_vec();
        wave.extend((36 + data.len() as u32).to_le_bytes());
        wave.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x10\0data");
        wave.extend((data.len() as u32).to_le_bytes());
        wave.extend(data);
        std::fs::write(&file, wave).unwrap();

        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let mut source = Played::open(&file, clock.clone()).unwrap();
        let mut samples = Vec::new();
        assert_eq!(source.read(&mut samples), 0);
        assert!(samples.is_empty(), "nothing was spoken yet");
        clock.advance(Duration::from_millis(100));
        source.read(&mut samples);
        assert_eq!(samples, vec![0.0; 800]);
        assert!(!source.has_ended());
        clock.advance(Duration::from_secs(10));
        source.read(&mut samples);
        assert_eq!((samples.len(), samples[999], samples[1_000]), (2_000, 0.0, 0.25));
        assert!(source.has_ended() && source.failure().is_none());
    }

    #[test]
    fn a_build_without_microphones_says_how_to_get_one() {
        let error = no_microphones().to_string();
        assert!(error.contains("--features mic") && error.contains("--input"), "{error}");
    }
}
