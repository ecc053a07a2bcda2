//! What is known of a call when its stream begins.

use std::collections::BTreeMap;

use super::Error;
use crate::audio::SampleRate;
use crate::audio::resample::{MAX_RATE_HZ, MIN_RATE_HZ};
use crate::call::{Channel, Language};
use crate::redact::Redacted;

/// The beginning of a call, the same for every protocol.
#[derive(Debug, Clone, PartialEq)]
pub struct CallStart {
    /// The audio that comes; at least one track. All share one time line.
    pub tracks: Vec<Track>,
    /// The caller's number or address, where the protocol tells it.
    pub caller: Option<Redacted<String>>,
    /// What was called.
    pub called: Option<Redacted<String>>,
    /// The peer's own name of the call, to find it there again.
    pub peer_call_id: Option<String>,
    /// The language that the peer asks for; otherwise the configuration decides.
    pub language: Option<Language>,
    /// Words to expect in this call: names, products.
    pub vocabulary: Vec<Redacted<String>>,
    /// Custom parameters, by name, as the peer's configuration gives them.
    pub parameters: Parameters,
    /// The rate at which the peer plays; `None` when nothing can be played to it.
    pub play_rate: Option<SampleRate>,
    /// Whether [`super::Outgoing::Transfer`] works.
    pub can_transfer: bool,
}

/// One stream of audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Track {
    /// Who is heard.
    pub channel: Channel,
    /// At which rate.
    pub rate: SampleRate,
}

/// Values by name. What they hold is the customer's.
pub type Parameters = BTreeMap<String, Redacted<String>>;

/// Most words that a peer may give for one call; more would slow the search for words down.
pub const VOCABULARY_MAX: usize = 500;

/// What Allo reads from the custom parameters of every protocol, by these names.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wishes {
    pub(super) language: Option<Language>,
    pub(super) vocabulary: Vec<Redacted<String>>,
    /// Who is on the channels, in their order.
    pub(super) channels: Option<Vec<Channel>>,
    /// Rate of a stream that does not tell it.
    pub(super) rate: Option<SampleRate>,
    /// How audio is played back.
    pub(super) playback: Option<Playback>,
    /// Rate at which it is played, when it differs.
    pub(super) play_rate: Option<SampleRate>,
}

/// How a peer was set up to take audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Playback {
    /// Not at all.
    None,
    /// Frame by frame.
    Streaming,
    /// Prompt by prompt.
    Files,
}

impl Wishes {
    /// Reads the parameters.
    ///
    /// # Errors
    /// The first one that holds what it cannot hold.
    pub(super) fn read(protocol: &'static str, parameters: &Parameters) -> Result<Self, Error> {
        let invalid = |name: &str, what: &str| Error::InvalidField {
            protocol,
            field: format!("parameters.{name}"),
            what: what.to_owned(),
        };
        let value = |name: &str| parameters.get(name).map(|value| value.reveal().trim());
        let language = match value("language") {
            None | Some("" | "auto") => None,
            Some(code) => Some(code.parse().map_err(|_| {
                invalid("language", "is no language that is spoken here: fr, en, nl or auto")
            })?),
        };
        let vocabulary: Vec<Redacted<String>> = value("vocabulary")
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(Redacted::from)
            .collect();
        check_vocabulary(&vocabulary).map_err(|what| invalid("vocabulary", &what))?;
        let channels = value("channels")
            .map(|names| {
                names.split(',').map(|name| name.trim().parse()).collect::<Result<Vec<Channel>, _>>()
            })
            .transpose()
            .map_err(|_| {
                invalid("channels", "names something that is not caller, agent, bot, mixed or channel-N")
            })?;
        if channels.as_ref().is_some_and(|channels| !are_channels(channels)) {
            return Err(invalid("channels", "must name one or two different channels"));
        }
        let rate_of = |name: &str| {
            value(name)
                .map(|text| {
                    text.parse()
                        .ok()
                        .and_then(rate)
                        .ok_or_else(|| invalid(name, "is no rate from 4000 to 384000 Hz"))
                })
                .transpose()
        };
        let playback = match value("playback") {
            None => None,
            Some("none") => Some(Playback::None),
            Some("streaming") => Some(Playback::Streaming),
            Some("files") => Some(Playback::Files),
            Some(_) => return Err(invalid("playback", "is not none, streaming or files")),
        };
        let (rate, play_rate) = (rate_of("sample_rate")?, rate_of("play_rate")?);
        Ok(Self { language, vocabulary, channels, rate, playback, play_rate })
    }
}

impl Wishes {
    /// Who is on the channels of a stream: whom the peer names, or who is `known` to be there; as many in either case.
    ///
    /// # Errors
    /// The peer names more or fewer than `of` has.
    pub(super) fn channels_of(
        &self,
        protocol: &'static str,
        known: Vec<Channel>,
        of: &str,
    ) -> Result<Vec<Channel>, Error> {
        match &self.channels {
            None => Ok(known),
            Some(wanted) if wanted.len() == known.len() => Ok(wanted.clone()),
            Some(_) => {
                let what = format!("must name as many channels as {of} has: {}", known.len());
                Err(Error::invalid(protocol, "parameters.channels", &what))
            }
        }
    }

    /// Whether the peer takes audio, as far as it says so.
    pub(super) fn plays(&self) -> bool {
        self.playback != Some(Playback::None)
    }

    /// The start of a call of a protocol that tells numbers by parameters, if at all, and cannot transfer.
    pub(super) fn start(self, tracks: Vec<Track>, parameters: Parameters) -> CallStart {
        CallStart {
            tracks,
            caller: parameters.get("caller").cloned(),
            called: parameters.get("called").cloned(),
            peer_call_id: None,
            language: self.language,
            vocabulary: self.vocabulary,
            parameters,
            play_rate: None,
            can_transfer: false,
        }
    }
}

/// Tracks of one rate.
pub(super) fn tracks(channels: Vec<Channel>, rate: SampleRate) -> Vec<Track> {
    channels.into_iter().map(|channel| Track { channel, rate }).collect()
}

/// A rate that can be resampled.
pub(super) fn rate(hz: u64) -> Option<SampleRate> {
    let hz = u32::try_from(hz).ok().filter(|hz| (MIN_RATE_HZ..=MAX_RATE_HZ).contains(hz))?;
    SampleRate::from_hz(hz)
}

/// Whether these can be the channels of one stream: one or two, each somebody else.
pub(super) fn are_channels(channels: &[Channel]) -> bool {
    matches!(channels, [_]) || matches!(channels, [first, second] if first != second)
}

/// What is wrong with the words that a peer gives.
pub(super) fn check_vocabulary(vocabulary: &[Redacted<String>]) -> Result<(), String> {
    if vocabulary.len() > VOCABULARY_MAX {
        return Err(format!("has {} entries, at most {VOCABULARY_MAX} are taken", vocabulary.len()));
    }
    Ok(())
}
