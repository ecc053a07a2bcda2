//! The microphone of this machine; the only file that names cpal, built with the feature `mic`.
//!
//! The system calls us back in its own real-time thread; there the channels are mixed to one and written into a ring,
//! without allocation, lock or log. Whoever listens takes what waits by [`Microphone::read`], at least every two seconds:
//! what did not fit is counted and reported as lost, so that times stay true.
//!
//! Units: samples of one channel in [-1, 1] at [`Microphone::rate`]; levels are dB of full scale.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{ErrorKind, FromSample, SampleFormat, SizedSample};

use super::ring::{Reader, Writer, ring};
use crate::audio::SampleRate;

/// How much the ring holds. A listener that is later than this is broken.
const RING_SECONDS: usize = 2;
/// What a meter shows for digital silence.
const SILENCE_DBFS: f32 = -100.0;

/// Why there is no sound. Nothing is kept; another try may help when the device was busy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine has no device to listen with.
    #[error("no microphone was found; hint: plug one in, or check the permissions of the sound system")]
    NoDevice,
    /// No device has that name.
    #[error("no microphone is called `{name}`; there are: {}; hint: take one of these names, or none for the default", .known.join(", "))]
    UnknownDevice {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The device gives samples of a kind that cannot be read, or at an absurd rate.
    #[error(
        "the microphone `{name}` gives {format} at {rate_hz} Hz, which cannot be read; hint: choose another device"
    )]
    UnsupportedFormat {
        /// Name of the device.
        name: String,
        /// What it gives.
        format: String,
        /// Its rate.
        rate_hz: u32,
    },
    /// The sound system refused.
    #[error("the microphone cannot be used: {what}")]
    System {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        #[source]
        source: cpal::Error,
    },
}

/// A microphone that listens until it is dropped.
pub struct Microphone {
    // Dropping the stream stops the callback.
    _stream: cpal::Stream,
    reader: Reader,
    meter: Arc<Meter>,
    name: String,
    rate: SampleRate,
}

/// How loud it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// The loudest sample since the level was last asked for.
    pub peak_dbfs: f32,
    /// Root of the mean square of the latest block.
    pub rms_dbfs: f32,
}

#[derive(Debug, Default)]
struct Meter {
    /// Bits of values that are not negative: their order as integers is their order as numbers.
    peak: AtomicU32,
    rms: AtomicU32,
    has_failed: AtomicBool,
}

/// The names of the devices that can be listened with.
///
/// # Errors
/// [`Error::System`] when they cannot be listed.
pub fn devices() -> Result<Vec<String>, Error> {
    let found =
        cpal::default_host().input_devices().map_err(|source| system("listing the devices", source))?;
    Ok(found.map(|device| device.to_string()).collect())
}

impl Microphone {
    /// Begins to listen with the device of that name, or the default one.
    ///
    /// # Errors
    /// When there is no such device, or it cannot be opened.
    pub fn open(name: Option<&str>) -> Result<Self, Error> {
        let device = find(name)?;
        let name = device.to_string();
        let config =
            device.default_input_config().map_err(|source| system("asking for its format", source))?;
        let (rate_hz, format) = (config.sample_rate(), config.sample_format());
        let unsupported =
            || Error::UnsupportedFormat { name: name.clone(), format: format.to_string(), rate_hz };
        let rate = super::start::rate(u64::from(rate_hz)).ok_or_else(unsupported)?;
        let (writer, reader) = ring(rate_hz as usize * RING_SECONDS);
        let meter = Arc::new(Meter::default());
        let capture = Capture { writer, meter: Arc::clone(&meter) };
        let config: cpal::StreamConfig = config.into();
        let stream = if format == SampleFormat::F32 {
            listen::<f32>(&device, config, capture)
        } else if format == SampleFormat::I16 {
            listen::<i16>(&device, config, capture)
        } else if format == SampleFormat::I32 {
            listen::<i32>(&device, config, capture)
        } else if format == SampleFormat::U16 {
            listen::<u16>(&device, config, capture)
        } else if format == SampleFormat::U8 {
            listen::<u8>(&device, config, capture)
        } else {
            return Err(unsupported());
        };
        let stream = stream.map_err(|source| system("opening it", source))?;
        stream.play().map_err(|source| system("starting it", source))?;
        Ok(Self { _stream: stream, reader, meter, name, rate })
    }

    /// Name of the device.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Rate of the samples.
    pub const fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Appends what was heard since the last call to `samples`; gives how many samples after them were lost because nobody
    /// read in time. Does not wait; appends nothing when nothing was heard.
    pub fn read(&mut self, samples: &mut Vec<f32>) -> u64 {
        self.reader.read(samples)
    }

    /// How loud it is.
    pub fn level(&self) -> Level {
        let peak = f32::from_bits(self.meter.peak.swap(0, Ordering::Relaxed));
        let rms = f32::from_bits(self.meter.rms.load(Ordering::Relaxed));
        Level { peak_dbfs: decibels(peak), rms_dbfs: decibels(rms) }
    }

    /// Whether the system has reported that the device is gone or broken; no more sound will come.
    pub fn has_failed(&self) -> bool {
        self.meter.has_failed.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Microphone {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Microphone")
            .field("name", &self.name)
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}

/// What the callback owns.
struct Capture {
    writer: Writer,
    meter: Arc<Meter>,
}

impl Capture {
    /// In the real-time thread: no allocation, no lock, no log.
    fn take<T>(&mut self, block: &[T], channels: usize)
    where
        T: SizedSample,
        f32: FromSample<T>,
    {
        let share = 1.0 / channels as f32;
        let mix = |frame: &[T]| frame.iter().map(|&sample| f32::from_sample_(sample)).sum::<f32>() * share;
        let frames = || block.chunks_exact(channels).map(mix);
        let (mut peak, mut power) = (0.0f32, 0.0f32);
        for sample in frames() {
            peak = peak.max(sample.abs());
            power += sample * sample;
        }
        let count = frames().len().max(1) as f32;
        self.meter.peak.fetch_max(peak.to_bits(), Ordering::Relaxed);
        self.meter.rms.store((power / count).sqrt().to_bits(), Ordering::Relaxed);
        self.writer.push(frames());
    }
}

fn listen<T>(
    device: &cpal::Device,
    config: cpal::StreamConfig,
    mut capture: Capture,
) -> Result<cpal::Stream, cpal::Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let channels = usize::from(config.channels).max(1);
    let meter = Arc::clone(&capture.meter);
    let failed = move |error: cpal::Error| {
        // After these the stream goes on; samples that are missing are the system's loss, not ours.
        let goes_on =
            matches!(error.kind(), ErrorKind::Xrun | ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied);
        if !goes_on {
            meter.has_failed.store(true, Ordering::Relaxed);
        }
    };
    device.build_input_stream(config, move |block: &[T], _| capture.take(block, channels), failed, None)
}

fn find(name: Option<&str>) -> Result<cpal::Device, Error> {
    let host = cpal::default_host();
    let Some(name) = name else { return host.default_input_device().ok_or(Error::NoDevice) };
    let mut found = host.input_devices().map_err(|source| system("listing the devices", source))?;
    match found.find(|device| device.to_string() == name) {
        Some(device) => Ok(device),
        None => Err(Error::UnknownDevice { name: name.to_owned(), known: devices()? }),
    }
}

const fn system(what: &'static str, source: cpal::Error) -> Error {
    Error::System { what, source }
}

fn decibels(amplitude: f32) -> f32 {
    if amplitude > 0.0 { (20.0 * amplitude.log10()).max(SILENCE_DBFS) } else { SILENCE_DBFS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_mixed_metered_and_kept() {
        let (writer, mut reader) = ring(8);
        let mut capture = Capture { writer, meter: Arc::new(Meter::default()) };
        capture.take(&[16_384i16, 16_384, -16_384, 0, 0, 0], 2);
        let mut samples = Vec::new();
        assert_eq!(reader.read(&mut samples), 0);
        assert_eq!(samples, [0.5, -0.25, 0.0]);
        assert_eq!(f32::from_bits(capture.meter.peak.load(Ordering::Relaxed)), 0.5);
        assert_eq!(decibels(0.5).round(), -6.0);
        assert_eq!(decibels(0.0), SILENCE_DBFS);
    }

    #[test]
    fn a_device_that_is_not_there_is_named() {
        let error = Microphone::open(Some("no such device")).unwrap_err().to_string();
        assert!(error.contains("no such device") || error.contains("listing"), "{error}");
    }
}
