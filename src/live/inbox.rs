//! What waits to be taken up for one call: audio, keys, answers of the engines; in the order they came.
//!
//! Audio is bounded for each track, by how long it waits and, for a flood, by its length: what is older makes room and
//! becomes a hole of the same length in its place, so that the time line stays true. A network that stood still delivers
//! seconds of speech in one moment; they are lost only when they are not taken up in time. Answers are as many as questions were asked. Keys and the like are bounded by
//! [`CONTROLS_MAX`]; more are refused, but for the ends of playbacks whose beginning was taken.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::asr;
use crate::audio::SampleRate;
use crate::call::Language;
use crate::call::event::{CallEndReason, EventBody, GapReason};
use crate::redact::Redacted;
use crate::turn::{Expectation, RequestId};

/// Keys, marks and expectations of one call that may wait; nobody presses so many in the moments that they wait.
const CONTROLS_MAX: usize = 64;

/// How many times the sound that may wait for long may come at once: a stall of twenty seconds with the usual five. More is
/// a flood, and would only fill the memory.
const BURST: usize = 4;

/// Samples compared at once, without a branch between them, where digital silence is looked for.
const COMPARED: usize = 64;

/// Some sound of a track.
pub(super) enum Sound {
    /// So many samples of digital silence. A call that is muted, on hold or not yet spoken in brings nothing else: its
    /// samples would be copied, handed to another thread and looked at there for nothing.
    Silence(usize),
    /// Samples of which some may be silent.
    Samples(Vec<f32>),
}

impl Sound {
    /// A copy of these samples.
    pub(super) fn of(samples: &[f32]) -> Self {
        if is_silent(samples) { Self::Silence(samples.len()) } else { Self::Samples(samples.to_vec()) }
    }

    /// How many samples it is.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Silence(samples) => *samples,
            Self::Samples(samples) => samples.len(),
        }
    }
}

/// Whether every sample is a zero, of either sign.
fn is_silent(samples: &[f32]) -> bool {
    let bits_but_sign = |bits: u32, sample: &f32| bits | (sample.to_bits() << 1);
    samples.chunks(COMPARED).all(|some| some.iter().fold(0, bits_but_sign) == 0)
}

/// One thing to take up.
pub(super) enum Item {
    /// Sound of a track, at its own rate.
    Audio { track: usize, samples: Sound, arrived: Instant },
    /// Sound that is not there, in samples at the track's rate.
    Missing { track: usize, samples: u64, reason: GapReason },
    /// Something besides sound.
    Control(Control),
    /// The recogniser answered.
    Decoded(Decoded),
    /// Smart Turn answered; `None` when it failed or had no time.
    Judged { address: Address, done_probability: Option<f32> },
    /// A final is in the store, or could not be kept.
    Kept { number: u64, is_kept: bool },
    /// The record of the ended call is in the store, or could not be.
    Finished,
}

/// What the ingress tells besides audio.
#[derive(Debug)]
pub(super) enum Control {
    Dtmf {
        track: usize,
        digit: Redacted<char>,
    },
    PlaybackStarted,
    PlaybackFinished {
        mark: String,
        completed: bool,
    },
    Expect {
        track: usize,
        expectation: Expectation,
    },
    /// The speaker was asked for one of these names; for none any more where there are none.
    AskedFor {
        track: usize,
        names: Arc<[String]>,
    },
    /// Whoever talks with the caller has news of his own.
    Tell(Box<EventBody>),
    /// What is played next under this mark are these words.
    Says {
        mark: String,
        text: Redacted<String>,
        language: Language,
    },
    /// Nothing more comes of what was to be played under this mark.
    SaysNoMore {
        mark: String,
    },
    /// What is being said is over, whatever the silence behind it; sound may follow.
    EndTurns,
    End {
        reason: CallEndReason,
    },
    #[cfg(test)]
    Panic,
    /// Panics here, and once more when that is to be mended.
    #[cfg(test)]
    PanicTwice,
}

/// Which question of which chain an answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address {
    /// Index of the track.
    pub(super) track: usize,
    /// How many times the chain had been started; answers to a chain that is gone are nobody's.
    pub(super) generation: u32,
    pub(super) request: RequestId,
}

/// An answer of the recogniser.
pub(super) struct Decoded {
    pub(super) address: Address,
    pub(super) is_partial: bool,
    pub(super) result: Result<asr::Recognition, asr::Error>,
    /// From the request to the start of the work.
    pub(super) waited: Duration,
    /// The work itself; zero when it never began.
    pub(super) ran: Duration,
}

/// See the module.
#[derive(Default)]
pub(super) struct Inbox {
    items: VecDeque<Item>,
    tracks: Vec<Waiting>,
    /// How long sound may wait once there is more of it than `capacity`.
    longest: Duration,
    controls: usize,
    /// Playbacks that began and have not ended. A peer that is stopped tells all their ends at once, and each is needed: what
    /// never ends is played for the rest of the call.
    playing: usize,
    has_ended: bool,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    samples: usize,
    /// What may wait however late it is taken up.
    capacity: usize,
}

impl Waiting {
    /// What may wait at all.
    const fn most(self) -> usize {
        self.capacity * BURST
    }
}

impl Inbox {
    /// An inbox in which audio that waits for more than `longest` makes room for newer; more than four times as much makes
    /// room at once.
    pub(super) fn new(rates: impl Iterator<Item = SampleRate>, longest: Duration) -> Self {
        let capacity = |rate: SampleRate| (f64::from(rate.hz()) * longest.as_secs_f64()).ceil() as usize;
        let tracks = rates.map(|rate| Waiting { samples: 0, capacity: capacity(rate).max(1) }).collect();
        Self { tracks, longest, ..Self::default() }
    }

    /// Takes sound of a track and gives the number of samples that had to make room. After the end, and for a track that
    /// does not exist, all of it is refused.
    pub(super) fn push_audio(&mut self, track: usize, samples: &[f32], arrived: Instant) -> u64 {
        let Some(waiting) = self.tracks.get(track).copied().filter(|_| !self.has_ended) else {
            return samples.len() as u64;
        };
        let (early, kept) = samples.split_at(samples.len().saturating_sub(waiting.most()));
        let together = waiting.samples + kept.len();
        let mut dropped = self.drop_oldest(track, together.saturating_sub(waiting.most()), None);
        let excess = together.saturating_sub(waiting.capacity).saturating_sub(dropped as usize);
        dropped += self.drop_oldest(track, excess, Some(arrived));
        if !early.is_empty() {
            dropped += early.len() as u64;
            self.push_missing(track, early.len() as u64, GapReason::Dropped);
        }
        self.tracks[track].samples += kept.len();
        if !kept.is_empty() {
            self.items.push_back(Item::Audio { track, samples: Sound::of(kept), arrived });
        }
        dropped
    }

    /// Notes a hole in a track's sound.
    pub(super) fn push_missing(&mut self, track: usize, samples: u64, reason: GapReason) {
        if self.has_ended || track >= self.tracks.len() || samples == 0 {
            return;
        }
        // A peer that reports one lost packet after the other adds to one hole.
        match self.items.back_mut() {
            Some(Item::Missing { track: last, samples: sum, reason: why })
                if *last == track && *why == reason =>
            {
                *sum = sum.saturating_add(samples);
            }
            Some(_) | None => self.items.push_back(Item::Missing { track, samples, reason }),
        }
    }

    /// Takes something besides sound; `false` when too much of it waits, or after the end.
    pub(super) fn push_control(&mut self, control: Control) -> bool {
        let is_end = matches!(control, Control::End { .. });
        let is_played = matches!(control, Control::PlaybackFinished { .. });
        let is_owed = is_end || is_played && self.playing > 0;
        if self.has_ended || self.controls >= CONTROLS_MAX && !is_owed {
            return false;
        }
        self.has_ended = is_end;
        self.controls += usize::from(!is_owed);
        self.playing += usize::from(matches!(control, Control::PlaybackStarted));
        self.playing = self.playing.saturating_sub(usize::from(is_played));
        self.items.push_back(Item::Control(control));
        true
    }

    /// Whether the call has ended on the side of its connection: nothing but answers is taken any more.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Takes an answer.
    pub(super) fn push_answer(&mut self, item: Item) {
        self.items.push_back(item);
    }

    /// Everything that waits; what comes then is put into `room`, which is empty.
    pub(super) fn take(&mut self, room: VecDeque<Item>) -> VecDeque<Item> {
        debug_assert!(room.is_empty(), "what is put there was taken up before");
        self.controls = 0;
        self.tracks.iter_mut().for_each(|track| track.samples = 0);
        std::mem::replace(&mut self.items, room)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Samples of `track` that can be taken without dropping any, however late they are taken up.
    pub(super) fn room(&self, track: usize) -> usize {
        self.tracks.get(track).map_or(0, |waiting| waiting.capacity.saturating_sub(waiting.samples))
    }

    /// Samples of `track` that an empty inbox has room for.
    pub(super) fn capacity(&self, track: usize) -> usize {
        self.tracks.get(track).map_or(0, |waiting| waiting.capacity)
    }

    /// Turns at least `excess` samples of the track, oldest first, into holes; with `now` only those that have waited too
    /// long by then.
    fn drop_oldest(&mut self, track: usize, excess: usize, now: Option<Instant>) -> u64 {
        let mut dropped = 0;
        let longest = self.longest;
        let is_late =
            |arrived: Instant| now.is_none_or(|now| now.saturating_duration_since(arrived) >= longest);
        for item in &mut self.items {
            if dropped >= excess {
                break;
            }
            if let Item::Audio { track: its, samples, arrived } = item
                && *its == track
            {
                if !is_late(*arrived) {
                    break;
                }
                let length = samples.len();
                dropped += length;
                self.tracks[track].samples -= length;
                *item = Item::Missing { track, samples: length as u64, reason: GapReason::Dropped };
            }
        }
        dropped as u64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::{Clock, SystemClock};

    fn inbox() -> Inbox {
        Inbox::new([SampleRate::TELEPHONE, SampleRate::PIPELINE].into_iter(), Duration::from_secs(1))
    }

    /// Samples of sound and of holes of a track, in order.
    fn contents(inbox: &mut Inbox, wanted: usize) -> Vec<(bool, u64)> {
        let items = inbox.take(VecDeque::new()).into_iter();
        items
            .filter_map(|item| {
                if let Item::Audio { track, samples, .. } = item {
                    return (track == wanted).then_some((true, samples.len() as u64));
                }
                let Item::Missing { track, samples, .. } = item else { return None };
                (track == wanted).then_some((false, samples))
            })
            .collect()
    }

    #[test]
    fn a_flood_of_one_track_becomes_a_hole_of_its_own_length_and_leaves_the_other_alone() {
        let (mut inbox, now) = (inbox(), SystemClock.monotonic());
        assert_eq!(inbox.push_audio(1, &[0.1; 320], now), 0);
        for _ in 0..BURST * 50 {
            assert_eq!(inbox.push_audio(0, &[0.1; 160], now), 0);
        }
        assert_eq!(inbox.push_audio(0, &[0.1; 160], now), 160);
        assert_eq!(inbox.room(0), 0);
        let items = contents(&mut inbox, 0);
        assert_eq!(items[..2], [(false, 160), (true, 160)]);
        assert_eq!(items.iter().map(|(_, samples)| samples).sum::<u64>(), (BURST as u64 * 50 + 1) * 160);
        assert_eq!(inbox.room(0), 8_000);
    }

    #[test]
    fn a_burst_after_a_stall_is_kept_and_sound_that_waits_too_long_makes_room() {
        let (mut inbox, start) = (inbox(), SystemClock.monotonic());
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        // Three seconds of speech in one moment, then as it is spoken, and nobody takes any of it up.
        (0..150).for_each(|_| assert_eq!(inbox.push_audio(0, &[0.1; 160], start), 0));
        assert_eq!(inbox.push_audio(0, &[0.1; 160], after(999)), 0);
        assert_eq!(
            inbox.push_audio(0, &[0.1; 160], after(1_000)),
            102 * 160,
            "all but the second that may wait"
        );
        assert_eq!(contents(&mut inbox, 0)[..103].iter().filter(|(is_sound, _)| *is_sound).count(), 1);
    }

    #[test]
    fn sound_in_which_every_sample_is_zero_is_counted_only() {
        let mut samples = vec![0.0; 3 * COMPARED + 7];
        samples[COMPARED] = -0.0;
        assert!(matches!(Sound::of(&samples), Sound::Silence(length) if length == samples.len()));
        for (place, sound) in [(0, 1e-40), (COMPARED - 1, -1.0), (3 * COMPARED + 6, f32::NAN)] {
            let mut samples = samples.clone();
            samples[place] = sound;
            let Sound::Samples(kept) = Sound::of(&samples) else { panic!("{sound} is no silence") };
            assert_eq!((kept.len(), kept[place].to_bits()), (samples.len(), sound.to_bits()));
        }
    }

    #[test]
    fn nothing_is_taken_after_the_end() {
        let (mut inbox, now) = (inbox(), SystemClock.monotonic());
        assert!(inbox.push_control(Control::End { reason: CallEndReason::HungUp }));
        assert!(!inbox.push_control(Control::End { reason: CallEndReason::HungUp }));
        assert_eq!(inbox.push_audio(0, &[0.0; 160], now), 160);
        assert_eq!(inbox.take(VecDeque::new()).len(), 1);
    }

    #[test]
    fn keys_beyond_the_bound_are_refused_but_the_end_is_not() {
        let mut inbox = inbox();
        let key = || Control::Dtmf { track: 0, digit: '1'.into() };
        assert_eq!((0..100).filter(|_| inbox.push_control(key())).count(), CONTROLS_MAX);
        assert!(inbox.push_control(Control::End { reason: CallEndReason::HungUp }));
    }

    #[test]
    fn every_playback_that_began_may_end_however_many_end_at_once() {
        let mut inbox = inbox();
        let end = || Control::PlaybackFinished { mark: "m".to_owned(), completed: false };
        let began = (0..3 * CONTROLS_MAX).filter(|_| {
            let is_taken = inbox.push_control(Control::PlaybackStarted);
            inbox.take(VecDeque::new());
            is_taken
        });
        assert_eq!(began.count(), 3 * CONTROLS_MAX);
        let ended = (0..4 * CONTROLS_MAX).filter(|_| inbox.push_control(end())).count();
        assert_eq!(
            ended,
            3 * CONTROLS_MAX + CONTROLS_MAX,
            "those, and as many as may wait of what nobody asked for"
        );
        assert!(!inbox.push_control(Control::PlaybackStarted), "what begins is bounded");
    }

    proptest! {
        #[test]
        fn sound_and_holes_together_are_always_as_long_as_what_came(
            lengths in proptest::collection::vec((0_usize..2, 0_usize..12_000), 0..60),
        ) {
            let (mut inbox, now) = (inbox(), SystemClock.monotonic());
            let mut came = [0_u64; 2];
            for (track, length) in lengths {
                inbox.push_audio(track, &vec![0.1; length], now);
                came[track] += length as u64;
                prop_assert!(inbox.tracks[track].samples <= inbox.tracks[track].most());
            }
            for item in inbox.take(VecDeque::new()) {
                if let Item::Audio { track, samples, .. } = item {
                    came[track] -= samples.len() as u64;
                } else if let Item::Missing { track, samples, .. } = item {
                    came[track] -= samples;
                } else {
                    prop_assert!(false, "only sound was pushed");
                }
            }
            prop_assert_eq!(came, [0, 0]);
        }
    }
}
