//! A recording becomes a transcript.
//!
//! Reads the file block by block; each channel has its own chain (resampler, detector, segmenter) and all chains
//! share the recognition pool. Segments are recognised while the file is still being read; how many may be under way
//! is bounded, so memory does not grow with the length of the recording.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use crate::asr::utterance::moved;
use crate::asr::vote::LanguageVote;
use crate::asr::worker::{Pool, Ticket};
use crate::asr::{CancelFlag, LanguageChoice, Priority, Recognition, Request, Task};
use crate::audio::resample::ChannelResampler;
use crate::audio::{SamplePos, SampleRate, SampleSpan};
use crate::call::{Channel, Language, Transcript, Utterance};
use crate::guard::{self, Candidate, Guard, Reason, Rejection, Verdict};
use crate::media::{Block, OpenOptions, Recording};
use crate::pipeline::Error;
use crate::pipeline::packing::{Pack, Packer};
use crate::pipeline::telephone::TelephoneBand;
use crate::progress::Progress;
use crate::redact::Redacted;
use crate::vad::{self, Segment, SegmentStream, SpeechDetector};

/// Unbelieved segments that wait for the language of the call to be heard again in it. They are kept because real
/// speech in the wrong language may look invented; more than a few in a row are music or noise.
const UNBELIEVED_WAITING_MAX: usize = 4;

/// What is known about a recording before it is heard.
#[derive(Debug, Clone)]
pub struct Instructions {
    /// How to open the file.
    pub open: OpenOptions,
    /// The language, or the languages it may be in; never empty.
    pub language: LanguageChoice,
    /// In which language the text is wanted.
    pub task: Task,
    /// Names and terms that may be said.
    pub vocabulary: Arc<[String]>,
    /// Sentences as they are said here: recognition leans to their wording, and none of their words is a misheard name.
    pub sentences: Arc<[String]>,
    /// Who is on which channel; `None` names them by their number: see [`Transcriber::two_channels`].
    pub channels: Option<Vec<Channel>>,
    /// Pass the audio through 8 kHz G.711 first, to hear what a telephone would have heard.
    pub telephone: bool,
}

/// What came out of one recording.
#[derive(Debug)]
pub struct Transcription {
    /// What was said.
    pub transcript: Transcript,
    /// Other texts of each utterance of the transcript, with their weight beside it; none of those heard in company.
    pub alternatives: Vec<Vec<(Redacted<String>, f32)>>,
    /// What was heard and not believed, in the order it was heard.
    pub rejected: Vec<Rejected>,
    /// Set when the recording ended before its own header said, or parts of it could not be decoded; the transcript
    /// holds what was there.
    pub damage: Option<crate::media::Error>,
}

impl Transcription {
    /// Segments of which nothing was believed.
    pub fn rejected_segments(&self) -> u32 {
        let whole = self.rejected.iter().filter(|rejected| rejected.extent == Extent::Whole).count();
        u32::try_from(whole).unwrap_or(u32::MAX)
    }
}

/// How much of a segment was not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// A loop at its end; what came before is in the transcript.
    Tail,
}

/// Text that was not believed.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// Whether anything of the segment was kept.
    pub extent: Extent,
    /// Where it was heard.
    pub channel: Channel,
    /// When.
    pub span: SampleSpan,
    /// What was made of it, and why it is not believed.
    pub rejection: Rejection,
}

/// Who follows a recording while it is heard.
pub struct Following<'a> {
    /// Moved by milliseconds of audio read.
    pub progress: &'a Progress,
    /// Called with each utterance once it is settled: by time within a channel, not across channels.
    pub heard: &'a mut dyn FnMut(&Utterance),
    /// Set when nobody wants the result any more; looked at with every block that is read.
    pub cancel: &'a CancelFlag,
}

/// Makes a speech detector for one channel.
pub type DetectorFactory = Box<dyn Fn() -> Result<Box<dyn SpeechDetector>, Error> + Send + Sync>;

/// The shared machinery that one recording after another runs through.
pub struct Transcriber {
    /// Recognition for all recordings.
    pub pool: Arc<Pool>,
    /// Makes a detector for each channel.
    pub detector: DetectorFactory,
    /// Where segments begin and end.
    pub segments: vad::Config,
    /// What is believed.
    pub guard: Guard,
    /// Who is on the channels of a two-channel recording; [`Channel::layout`] names those of the others.
    pub two_channels: [Channel; 2],
    /// How many segments of one recording may wait for recognition; bounds its memory to that many times the
    /// longest segment.
    pub segments_under_way: usize,
    /// Segments of one channel are recognised together up to this many samples; 0 takes each alone.
    pub pack_up_to_samples: usize,
}

impl Transcriber {
    /// Transcribes one file. `progress` is moved by milliseconds of audio read.
    ///
    /// # Errors
    /// [`Error`] names the file. A recording that ends early is not an error but [`Transcription::damage`].
    pub fn transcribe(
        &self,
        path: &Path,
        instructions: &Instructions,
        progress: &Progress,
    ) -> Result<Transcription, Error> {
        let following = Following { progress, heard: &mut |_| (), cancel: &CancelFlag::new() };
        self.transcribe_followed(path, instructions, following)
    }

    /// As [`Transcriber::transcribe`], for somebody who wants each utterance as soon as it is believed, or who may lose
    /// interest.
    ///
    /// # Errors
    /// As there, and [`Error::Cancelled`].
    pub fn transcribe_followed(
        &self,
        path: &Path,
        instructions: &Instructions,
        following: Following<'_>,
    ) -> Result<Transcription, Error> {
        let Following { progress, heard, cancel } = following;
        let mut recording = Recording::open(path, &instructions.open)?;
        let rate = recording.info().sample_rate;
        let count = recording.info().channels;
        if let Some(frames) = recording.info().declared_frames {
            progress.set_total(frames.saturating_mul(1000) / u64::from(rate.hz()));
        }
        let channels = match &instructions.channels {
            Some(named) if named.len() == count => named.clone(),
            Some(named) => {
                return Err(Error::ChannelCount { path: path.into(), named: named.len(), found: count });
            }
            None if count == self.two_channels.len() => self.two_channels.to_vec(),
            None => Channel::layout(count),
        };
        let segments = self.segments.for_recording(recording.info().declared_length());
        let mut hearing = Hearing::new(self, instructions, &channels, (rate, &segments))?;
        let mut block = Block::new();
        let mut frames_read = 0_u64;
        let mut told = 0;
        let damage = loop {
            if cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            match recording.next_block(&mut block) {
                Ok(true) => {}
                Ok(false) => break None,
                Err(error) if error.is_partial() => break Some(error),
                Err(error) => return Err(error.into()),
            }
            frames_read += block.frames() as u64;
            hearing.listen(&block)?;
            hearing.utterances[told..].iter().for_each(&mut *heard);
            told = hearing.utterances.len();
            progress.set(frames_read * 1000 / u64::from(rate.hz()));
        };
        hearing.hear_out()?;
        hearing.utterances[told..].iter().for_each(heard);
        Ok(Transcription { damage, ..hearing.finish() })
    }
}

/// One channel on its way from file samples to segments.
struct Chain {
    channel: Channel,
    telephone: Option<TelephoneBand>,
    resampler: ChannelResampler,
    segments: SegmentStream<Box<dyn SpeechDetector>>,
    packer: Packer,
    resampled: Vec<f32>,
    heard_samples: u64,
}

/// Segments that wait for their words.
struct UnderWay {
    channel: Channel,
    pack: Pack,
    ticket: Ticket,
}

/// A segment with its words, kept whole while the language of the call is still open.
struct Undecided {
    channel: Channel,
    segment: Segment,
    language: Language,
    judged: Judged,
}

/// A recognition after the guard: what is believed of it and what is not; at least one is there.
struct Judged {
    believed: Option<Recognition>,
    rejected: Option<Rejected>,
}

/// One recording being heard.
struct Hearing<'a> {
    transcriber: &'a Transcriber,
    instructions: &'a Instructions,
    channels: Vec<Channel>,
    chains: Vec<Chain>,
    vote: LanguageVote,
    under_way: VecDeque<UnderWay>,
    undecided: VecDeque<Undecided>,
    utterances: Vec<Utterance>,
    /// One list an utterance.
    alternatives: Vec<Vec<(Redacted<String>, f32)>>,
    rejected: Vec<Rejected>,
}

impl<'a> Hearing<'a> {
    fn new(
        transcriber: &'a Transcriber,
        instructions: &'a Instructions,
        channels: &[Channel],
        (rate, segments): (SampleRate, &vad::Config),
    ) -> Result<Self, Error> {
        let chains = channels
            .iter()
            .map(|&channel| {
                let telephone = instructions.telephone.then(|| TelephoneBand::new(rate)).transpose()?;
                let rate = if telephone.is_some() { SampleRate::TELEPHONE } else { rate };
                Ok(Chain {
                    channel,
                    telephone,
                    resampler: ChannelResampler::new(rate)?,
                    segments: SegmentStream::new((transcriber.detector)()?, segments)?,
                    packer: Packer::new(transcriber.pack_up_to_samples),
                    resampled: Vec::new(),
                    heard_samples: 0,
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(Self {
            transcriber,
            instructions,
            channels: channels.to_vec(),
            chains,
            vote: LanguageVote::new(&instructions.language),
            under_way: VecDeque::new(),
            undecided: VecDeque::new(),
            utterances: Vec::new(),
            alternatives: Vec::new(),
            rejected: Vec::new(),
        })
    }

    fn listen(&mut self, block: &Block) -> Result<(), Error> {
        for index in 0..self.chains.len() {
            self.chains[index].push(&block.planes()[index])?;
            self.take_segments(index)?;
        }
        Ok(())
    }

    /// Waits for the words of everything that was said.
    fn hear_out(&mut self) -> Result<(), Error> {
        for index in 0..self.chains.len() {
            self.chains[index].finish()?;
            self.take_segments(index)?;
            if let Some(pack) = self.chains[index].packer.flush() {
                self.recognize(self.chains[index].channel, pack)?;
            }
        }
        while let Some(oldest) = self.under_way.pop_front() {
            self.settle(oldest)?;
        }
        self.decide_language()
    }

    fn finish(mut self) -> Transcription {
        let mut said: Vec<_> = self.utterances.into_iter().zip(self.alternatives).collect();
        said.sort_by_key(|(utterance, _)| (utterance.span.start, utterance.channel));
        let (utterances, alternatives): (Vec<Utterance>, Vec<_>) = said.into_iter().unzip();
        self.rejected.sort_by_key(|rejected| (rejected.span.start, rejected.channel));
        let end = self.chains.iter().map(|chain| chain.heard_samples).max().unwrap_or(0);
        let transcript = Transcript {
            channels: self.channels,
            end: SamplePos(end),
            language: (!utterances.is_empty()).then(|| self.vote.leader()),
            utterances,
        };
        Transcription { transcript, alternatives, rejected: self.rejected, damage: None }
    }

    fn take_segments(&mut self, index: usize) -> Result<(), Error> {
        while let Some(segment) = self.chains[index].segments.poll() {
            let Chain { channel, packer, .. } = &mut self.chains[index];
            // Until the language is settled each segment is heard alone, since its vote decides how the next is heard.
            // What is translated changes the order of its words, so that a pack could not be taken apart again.
            let full = match (self.vote.settled(), self.instructions.task) {
                (Some(_), Task::Transcribe) => packer.push(segment),
                (None, _) | (Some(_), Task::Translate) => Some(Pack::of(segment)),
            };
            let channel = *channel;
            if let Some(pack) = full {
                self.recognize(channel, pack)?;
            }
        }
        Ok(())
    }

    /// Sends a pack on its way, and waits for the oldest ones where too many are under way.
    fn recognize(&mut self, channel: Channel, pack: Pack) -> Result<(), Error> {
        let ticket = self.submit(pack.samples(), self.vote.choice())?;
        self.under_way.push_back(UnderWay { channel, pack, ticket });
        let allowed = if self.vote.settled().is_some() { self.transcriber.segments_under_way } else { 0 };
        while self.under_way.len() > allowed {
            let oldest = self.under_way.pop_front().expect("the queue is longer than its bound");
            self.settle(oldest)?;
        }
        Ok(())
    }

    fn submit(&self, samples: Arc<[f32]>, language: LanguageChoice) -> Result<Ticket, Error> {
        let request = Request {
            samples,
            language,
            task: self.instructions.task,
            vocabulary: Arc::clone(&self.instructions.vocabulary),
            asked: Arc::new([]),
            sentences: Arc::clone(&self.instructions.sentences),
            prefix: Redacted::default(),
            priority: Priority::Batch,
        };
        Ok(self.transcriber.pool.submit(request)?)
    }

    fn settle(&mut self, UnderWay { channel, pack, ticket }: UnderWay) -> Result<(), Error> {
        let recognition = ticket.wait()?;
        let was_packed = pack.segments() > 1;
        for (segment, mut recognition) in pack.split(recognition) {
            let mut judged = self.judge(channel, &segment, &recognition);
            // What came of company, a loop or a sentence that was passed over, is heard once more alone.
            if was_packed && (judged.rejected.is_some() || recognition.words.is_empty()) {
                recognition = self.hear_alone(&segment, recognition.language)?;
                judged = self.judge(channel, &segment, &recognition);
            }
            let language = recognition.language;
            self.settle_segment(Undecided { channel, segment, language, judged })?;
        }
        Ok(())
    }

    fn hear_alone(&self, segment: &Segment, language: Language) -> Result<Recognition, Error> {
        Ok(self.submit(Arc::clone(&segment.samples), LanguageChoice::Known(language))?.wait()?)
    }

    fn settle_segment(&mut self, heard: Undecided) -> Result<(), Error> {
        if self.vote.settled().is_some() {
            self.keep(heard.channel, heard.segment.span, heard.judged);
            return Ok(());
        }
        if let Some(believed) = &heard.judged.believed {
            self.vote.count(believed, heard.segment.span.duration());
        }
        self.undecided.push_back(heard);
        if self.vote.settled().is_some() { self.decide_language() } else { self.give_up_oldest_unbelieved() }
    }

    /// Hears again what was recognised in a language that lost the vote.
    fn decide_language(&mut self) -> Result<(), Error> {
        let winner = self.vote.leader();
        for Undecided { channel, segment, language, mut judged } in std::mem::take(&mut self.undecided) {
            if language != winner {
                let recognition = self.hear_alone(&segment, winner)?;
                judged = self.judge(channel, &segment, &recognition);
            }
            self.keep(channel, segment.span, judged);
        }
        Ok(())
    }

    /// Believed segments settle the vote after a few; an hour of hold music never does, so of what is not believed only
    /// the newest few wait to be heard again.
    fn give_up_oldest_unbelieved(&mut self) -> Result<(), Error> {
        let is_unbelieved = |undecided: &Undecided| undecided.judged.believed.is_none();
        if self.undecided.iter().filter(|undecided| is_unbelieved(undecided)).count() > UNBELIEVED_WAITING_MAX
            && let Some(oldest) = self.undecided.iter().position(is_unbelieved)
            && let Some(Undecided { channel, segment, judged, .. }) = self.undecided.remove(oldest)
        {
            self.keep(channel, segment.span, judged);
        }
        Ok(())
    }

    fn judge(&self, channel: Channel, segment: &Segment, recognition: &Recognition) -> Judged {
        let candidate = Candidate {
            recognition,
            segment_seconds: segment.span.duration().as_secs_f32(),
            mean_speech_probability: segment.mean_probability,
            speech_seconds: segment.speech_seconds,
            level_dbfs: segment.level_dbfs,
            language: self.written(recognition.language),
            vocabulary: &self.instructions.vocabulary,
            asked: &[],
        };
        match self.transcriber.guard.judge(&candidate) {
            Verdict::Accept => Judged { believed: Some(recognition.clone()), rejected: None },
            Verdict::Trim { words_kept } => Judged {
                rejected: cut_tail(channel, &candidate, words_kept, segment.span),
                believed: Some(guard::trimmed(recognition, words_kept)),
            },
            Verdict::Reject(rejection) => Judged {
                believed: None,
                rejected: Some(Rejected { extent: Extent::Whole, channel, span: segment.span, rejection }),
            },
        }
    }

    /// The language of a text by that of the speech.
    fn written(&self, spoken: Language) -> Language {
        match self.instructions.task {
            Task::Transcribe => spoken,
            Task::Translate => Language::En,
        }
    }

    fn keep(&mut self, channel: Channel, span: SampleSpan, Judged { believed, rejected }: Judged) {
        let believed = believed
            .map(|believed| Recognition { language: self.written(believed.language), ..believed })
            .and_then(|believed| {
                let alternatives = believed.weighted_alternatives();
                Some((believed.into_utterance(channel, span)?, alternatives))
            });
        if let Some((utterance, alternatives)) = believed {
            self.utterances.push(utterance);
            self.alternatives.push(alternatives);
        }
        self.rejected.extend(rejected);
    }
}

/// The words that a trim takes away, as something that was not believed.
fn cut_tail(
    channel: Channel,
    candidate: &Candidate<'_>,
    words_kept: usize,
    segment: SampleSpan,
) -> Option<Rejected> {
    let recognition = candidate.recognition;
    let cut = recognition.words.get(words_kept..)?;
    let (first, last) = (cut.first()?, cut.last()?);
    let words: Vec<&str> = cut.iter().map(|word| word.text.reveal().as_str()).collect();
    let start = moved(segment, first.span.start);
    Some(Rejected {
        extent: Extent::Tail,
        channel,
        span: SampleSpan::new(start, moved(segment, last.span.end).max(start)),
        rejection: Rejection {
            reason: Reason::Loop,
            text: Redacted::new(words.join(" ")),
            language: candidate.language,
            mean_log_probability: recognition.mean_log_probability,
            no_speech_probability: recognition.no_speech_probability,
            mean_speech_probability: candidate.mean_speech_probability,
        },
    })
}

impl Chain {
    fn push(&mut self, samples: &[f32]) -> Result<(), Error> {
        self.resampled.clear();
        match &mut self.telephone {
            Some(telephone) => self.resampler.push(telephone.push(samples), &mut self.resampled),
            None => self.resampler.push(samples, &mut self.resampled),
        }
        self.deliver()
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.resampled.clear();
        if let Some(telephone) = &mut self.telephone {
            self.resampler.push(telephone.finish(), &mut self.resampled);
        }
        self.resampler.finish(&mut self.resampled);
        self.deliver()?;
        Ok(self.segments.finish()?)
    }

    fn deliver(&mut self) -> Result<(), Error> {
        self.heard_samples += self.resampled.len() as u64;
        Ok(self.segments.push(&self.resampled)?)
    }
}

#[cfg(test)]
mod tests;
