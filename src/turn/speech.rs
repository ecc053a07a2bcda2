//! What is remembered of the speech that goes on, and of the one before.

use std::collections::VecDeque;

use super::{Output, Reading, RequestId, TextKind};
use crate::audio::{SamplePos, SampleSpan};

/// Requests whose answer is still looked at; older ones are too late to say anything.
const OPEN_REQUESTS_MAX: usize = 8;

/// Sound so far below a voice is none of it: syllables at the end of a sentence are 5 to 12 dB weaker than the others, and a
/// telephone line has 30 dB between voice and noise.
const FALL_DB: f32 = 20.0;
/// How fast the remembered level of a voice follows, a window: within a third of a second.
const VOICE_FOLLOWS: f32 = 0.1;

#[derive(Debug, Clone, Copy)]
pub(super) struct Onset {
    pub(super) audio_start: SamplePos,
    pub(super) speech_start: SamplePos,
    pub(super) speech_windows: u64,
    pub(super) pause_start: Option<SamplePos>,
}

#[derive(Debug, Clone)]
pub(super) struct Turn {
    pub(super) number: u64,
    /// Start of the audio since the last part.
    pub(super) audio_start: SamplePos,
    /// First speech since the last part.
    pub(super) speech_start: SamplePos,
    /// Where this turn itself began to speak; later than `speech_start` when it continues another.
    pub(super) onset: SamplePos,
    /// The turn that its next final replaces.
    pub(super) joins: Option<u64>,
    /// The turn that it continues.
    pub(super) continues: Option<u64>,
    pub(super) parts: u32,
    pub(super) pause: Option<Pause>,
    /// Level of its voice so far, in dBFS: the mean of the windows of speech, the newest ones most.
    pub(super) voice_dbfs: Option<f32>,
    /// Its sound has fallen away, and the detector has not said yet that this is a pause.
    pub(super) fall: Option<Fall>,
    /// From here the time until the next partial counts.
    pub(super) partial_from: SamplePos,
    /// What was asked for, with the end of its audio.
    pub(super) open: VecDeque<(RequestId, SamplePos)>,
    pub(super) reading: Option<Heard>,
    /// Whether somebody else had the floor while it spoke.
    pub(super) over_other: bool,
    /// Whether it stopped what was played: it has the floor, and somebody has to go on.
    pub(super) has_interrupted: bool,
    /// Everything that was said is in a part: the pause goes on, and the text is told.
    pub(super) is_settled: bool,
    /// Digits at the end of what was told before, for a number that goes on after a pause.
    pub(super) digits_before: u32,
    /// The only text that was told of it, while speech that goes on would replace that.
    pub(super) told: Option<Told>,
}

/// A text that was told in the pause of a turn: everything that was said in it so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    audio_start: SamplePos,
    speech_start: SamplePos,
    digits_before: u32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    pub(super) request: RequestId,
    pub(super) until: SamplePos,
    pub(super) reading: Reading,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Pause {
    pub(super) start: SamplePos,
    pub(super) loud_windows: u32,
    pub(super) speculation: Option<(RequestId, SampleSpan)>,
    pub(super) judge: Option<RequestId>,
    pub(super) done_probability: Option<f32>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Fall {
    pub(super) start: SamplePos,
    /// The text that was asked for already.
    pub(super) speculation: Option<(RequestId, SampleSpan)>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) turn: u64,
    pub(super) speech: SampleSpan,
    /// Where the audio begins that is decoded again if speech goes on; `None` when text of it was told in pauses: that
    /// stays, and only what follows is decoded.
    pub(super) again_from: Option<SamplePos>,
    /// Digits in the number that what was told ends with.
    pub(super) digits: u32,
}

impl Turn {
    /// Remembers that the text of the audio up to `end` is on its way.
    pub(super) fn await_text(&mut self, request: RequestId, end: SamplePos) {
        if self.open.len() == OPEN_REQUESTS_MAX {
            self.open.pop_front();
        }
        self.open.push_back((request, end));
    }

    /// Follows the level of the voice with a window of `level_dbfs` that begins at `start`; whether the sound has fallen away.
    pub(super) fn falls(&mut self, level_dbfs: f32, is_loud: bool) -> bool {
        let falls = self.voice_dbfs.is_some_and(|voice| level_dbfs < voice - FALL_DB);
        if is_loud && !falls {
            let voice = self.voice_dbfs.get_or_insert(level_dbfs);
            *voice += VOICE_FOLLOWS * (level_dbfs - *voice);
        }
        falls
    }

    /// The latest text, with the digits of a number that began before it.
    pub(super) fn whole_reading(&self) -> Option<Reading> {
        let reading = self.reading?.reading;
        let digits = match reading.kind {
            // Those of the last part are among them.
            TextKind::Number if self.is_settled => self.digits_before,
            TextKind::Number => reading.digits + self.digits_before,
            TextKind::Nothing
            | TextKind::BackChannel
            | TextKind::Answer
            | TextKind::Opening
            | TextKind::EmailBegun
            | TextKind::EmailComplete
            | TextKind::Unfinished
            | TextKind::Other => reading.digits,
        };
        Some(Reading { digits, ..reading })
    }

    /// Digits in the number that its text ends with.
    pub(super) fn digits_at_end(&self) -> u32 {
        let number = self.whole_reading().filter(|reading| reading.kind == TextKind::Number);
        number.map_or(0, |number| number.digits)
    }

    /// Whether one final holds all of its text, and that of the turn that it continues.
    pub(super) fn is_one_final(&self) -> bool {
        self.parts == 0 && (self.joins == self.continues || self.joins == Some(self.number))
    }

    /// Its text up to `audio_end` is told; where `can_rejoin`, speech that goes on may replace it.
    pub(super) fn tell(&mut self, audio_end: SamplePos, can_rejoin: bool) {
        let Self { audio_start, speech_start, digits_before, .. } = *self;
        self.told =
            (can_rejoin && self.is_one_final()).then_some(Told { audio_start, speech_start, digits_before });
        self.joins = None;
        self.parts += 1;
        self.audio_start = audio_end;
        self.digits_before = self.digits_at_end();
        self.is_settled = true;
        self.open.clear();
    }

    /// What follows is decoded with the text that was told, and replaces it; `false` where there is none.
    pub(super) fn rejoin(&mut self) -> bool {
        let Some(told) = self.told.take() else { return false };
        self.joins = Some(self.number);
        self.parts = 0;
        (self.audio_start, self.speech_start) = (told.audio_start, told.speech_start);
        self.digits_before = told.digits_before;
        true
    }

    /// Where the audio begins that may still be decoded.
    pub(super) fn needed_from(&self) -> SamplePos {
        self.told.map_or(self.audio_start, |told| told.audio_start)
    }

    /// What the text says that would be the final.
    pub(super) fn final_reading(&self) -> Option<Reading> {
        let (speculation, _) = self.pause?.speculation?;
        self.reading.filter(|heard| heard.request == speculation).map(|heard| heard.reading)
    }
}

impl Pause {
    pub(super) const fn at(start: SamplePos) -> Self {
        Self { start, loud_windows: 0, speculation: None, judge: None, done_probability: None }
    }

    /// What is not wanted any more when the speaker goes on.
    pub(super) fn cancelled(&self) -> impl Iterator<Item = Output> + use<> {
        let judge = self.judge.filter(|_| self.done_probability.is_none());
        let speculation = self.speculation.map(|(request, _)| request);
        judge.into_iter().chain(speculation).map(|request| Output::Cancel { request })
    }
}
