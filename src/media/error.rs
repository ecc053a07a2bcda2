//! What can be wrong with a recording.

use std::path::PathBuf;

/// Why a recording gave no audio, or less than it should. Other recordings are not touched by it; trying again helps
/// only for [`Error::Unreadable`], also as the source of [`Error::Interrupted`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such file.
    #[error("{path}: no such file", path = path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// A folder, a pipe or a device.
    #[error("{path}: not a regular file", path = path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refused to open or read it.
    #[error("{path}: cannot be read", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The file has no bytes.
    #[error("{path}: the file is empty", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The content is no audio that is known.
    #[error("{path}: not an audio file, it looks like {looks_like}", path = path.display())]
    NotAudio {
        /// The file.
        path: PathBuf,
        /// What it looks like, in words.
        looks_like: &'static str,
    },
    /// Audio, but in a coding that is not decoded here.
    #[error(
        "{path}: {codec} is not supported\nhint: convert it first: ffmpeg -i {path} -c:a pcm_s16le converted.wav",
        path = path.display()
    )]
    UnsupportedCodec {
        /// The file.
        path: PathBuf,
        /// The coding, in words.
        codec: String,
    },
    /// The header says that there are no channels.
    #[error("{path}: the header declares zero channels", path = path.display())]
    NoChannels {
        /// The file.
        path: PathBuf,
    },
    /// More than [`super::MAX_CHANNELS`].
    #[error("{path}: {channels} channels, at most 8 are taken", path = path.display())]
    TooManyChannels {
        /// The file.
        path: PathBuf,
        /// How many there are.
        channels: usize,
    },
    /// No recorder uses this rate.
    #[error(
        "{path}: the header declares a sample rate of {rate_hz} Hz, 4000 Hz to 384000 Hz are taken",
        path = path.display()
    )]
    BadSampleRate {
        /// The file.
        path: PathBuf,
        /// What the header says.
        rate_hz: u32,
    },
    /// The file contradicts its own format.
    #[error("{path}: broken file: {detail}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A proper file without a single sample.
    #[error("{path}: the file holds no audio samples", path = path.display())]
    NoSamples {
        /// The file.
        path: PathBuf,
    },
    /// The file ends too early. All audio that is there was delivered.
    #[error(
        "{path}: truncated, {found_s:.1} s found{declared}",
        path = path.display(),
        declared = declared_s.map_or_else(String::new, |seconds| format!(" of {seconds:.1} s declared"))
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Length by the header, in seconds; `None` where the format declares none but marks its end.
        declared_s: Option<f64>,
        /// Length that was there, in seconds.
        found_s: f64,
    },
    /// Parts could not be decoded. They were delivered as silence, so that all times hold.
    #[error("{path}: damaged, {lost_s:.1} s could not be decoded and are silent", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Silence put in, in seconds.
        lost_s: f64,
    },
    /// Rate or channels change on the way. The audio before the change was delivered.
    #[error("{path}: the sample rate or the channels change after {found_s:.1} s", path = path.display())]
    FormatChanged {
        /// The file.
        path: PathBuf,
        /// Where, in seconds.
        found_s: f64,
    },
    /// Reading or decoding gave up on the way. The audio before that was delivered.
    #[error("{path}: given up after {found_s:.1} s", path = path.display())]
    Interrupted {
        /// The file.
        path: PathBuf,
        /// Where, in seconds.
        found_s: f64,
        /// What happened there.
        #[source]
        source: Box<Error>,
    },
    /// Longer than [`super::MAX_DURATION_S`]. The first day was delivered.
    #[error("{path}: longer than 24 hours", path = path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
}

impl Error {
    /// Whether all readable audio was delivered before this error: the caller may keep what came of it.
    pub const fn is_partial(&self) -> bool {
        match self {
            Self::Truncated { .. }
            | Self::Damaged { .. }
            | Self::FormatChanged { .. }
            | Self::Interrupted { .. }
            | Self::TooLong { .. } => true,
            Self::NotFound { .. }
            | Self::NotAFile { .. }
            | Self::Unreadable { .. }
            | Self::Empty { .. }
            | Self::NotAudio { .. }
            | Self::UnsupportedCodec { .. }
            | Self::NoChannels { .. }
            | Self::TooManyChannels { .. }
            | Self::BadSampleRate { .. }
            | Self::Malformed { .. }
            | Self::NoSamples { .. } => false,
        }
    }
}
