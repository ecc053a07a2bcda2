//! What a caller waits for, and how many callers one machine bears. `docs/live.md` says how to read it.
//!
//! ```sh
//! cargo bench --bench live_latency -- latency [MANIFEST.tsv] [--phone] [--limit N]
//! cargo bench --bench live_latency -- calls FIRST LAST [SECONDS]
//! cargo bench --bench live_latency -- idle CALLS [SECONDS] [--noise]
//! ```
//!
//! `latency` plays clips one after the other in real time (without a manifest: the fixture calls) and prints the lag of
//! finals, from the end of speech to the announced text. `calls` plays that many calls at once, each speaking 40 % of the
//! time, and prints the lag for each number. `idle` connects calls in which nobody speaks.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use allo::audio::SampleRate;
use allo::audio::g711::Law;
use allo::audio::resample::resample_all;
use allo::call::event::{CallEndReason, EventBody};
use allo::call::{Channel, Language};
use allo::clock::{Clock, SystemClock};
use allo::config::Config;
use allo::home::Home;
use allo::live::replay::{Pace, Player, Replay};
use allo::live::{CallSetup, Live, Peek, Track, machinery};
use allo::media::{Block, OpenOptions, Recording};

/// Silence behind a clip: longer than the longest pause that is waited for.
const AFTER: Duration = Duration::from_secs(4);
/// Part of the time that somebody speaks in the calls of `calls`.
const SPEECH_SHARE: f64 = 0.4;

fn main() -> anyhow::Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).filter(|text| text != "--bench").collect();
    let mut flag = |name: &str| {
        let place = arguments.iter().position(|text| text == name);
        place.map(|place| arguments.remove(place)).is_some()
    };
    let (phone, noise) = (flag("--phone"), flag("--noise"));
    let number = |at: usize, otherwise: usize| -> usize {
        arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    match arguments.first().map(String::as_str) {
        Some("calls") => concurrent(number(1, 2)..=number(2, 8), number(3, 60)),
        Some("idle") => idle(number(1, 200), number(2, 30), noise),
        Some("latency") | None => {
            let manifest = arguments.get(1).filter(|text| text.ends_with(".tsv")).map(PathBuf::from);
            latency(manifest.as_deref(), phone, number(2, usize::MAX))
        }
        Some(other) => anyhow::bail!("unknown mode `{other}`, expected latency, calls or idle"),
    }
}

#[expect(clippy::print_stdout, reason = "the bench's own output")]
fn say(text: &str) {
    println!("{text}");
}

fn start(change: impl FnOnce(&mut Config)) -> anyhow::Result<Arc<Live>> {
    let home = Home::resolve(|name| std::env::var_os(name))?;
    let mut config = Config::load(None)?;
    change(&mut config);
    Ok(machinery::start(&config, &home, None)?)
}

/// One clip: file, language, what is said in it.
struct Clip {
    path: PathBuf,
    language: Language,
}

fn clips(manifest: Option<&Path>, limit: usize) -> anyhow::Result<Vec<Clip>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio/manifest.tsv");
    let manifest = manifest.unwrap_or(&fixtures);
    let folder = manifest.parent().unwrap_or(Path::new("."));
    let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').quoting(false).from_path(manifest)?;
    let headers = reader.headers()?.clone();
    let column = |name: &str| {
        let found = headers.iter().position(|header| header == name);
        found.ok_or_else(|| anyhow::anyhow!("{} has no column {name}", manifest.display()))
    };
    let (file, lang) = (column("file")?, column("lang")?);
    let mut clips = Vec::new();
    for row in reader.records().take(limit) {
        let row = row?;
        let Ok(language) = row[lang].parse() else { continue };
        clips.push(Clip { path: folder.join(&row[file]), language });
    }
    Ok(clips)
}

/// Lags of the finals of a call that has ended.
fn lags(log: &Arc<allo::live::EventLog>) -> Vec<Duration> {
    let mut reader = log.subscribe(1);
    let mut lags = Vec::new();
    while let Ok(Peek::Event(event)) = reader.peek() {
        if let EventBody::TranscriptFinal { latency, .. } = &event.body {
            lags.push(*latency);
        }
    }
    lags
}

fn wait_for_end(log: &Arc<allo::live::EventLog>) -> anyhow::Result<()> {
    let mut reader = log.subscribe(log.newest().max(1));
    while reader.next_blocking()?.is_some() {}
    Ok(())
}

fn quantiles(lags: &mut [Duration]) -> String {
    lags.sort_unstable();
    let at = |part: f64| {
        let rank = (lags.len() as f64 * part).ceil() as usize;
        lags.get(rank.max(1) - 1).copied().unwrap_or_default().as_millis()
    };
    format!("{} finals, p50 {} ms, p95 {} ms, longest {} ms", lags.len(), at(0.5), at(0.95), at(1.0))
}

fn latency(manifest: Option<&Path>, phone: bool, limit: usize) -> anyhow::Result<()> {
    let live = start(|config| config.live.admission = false)?;
    let mut all = Vec::new();
    for clip in clips(manifest, limit)? {
        let log = if phone { play_as_telephone(&live, &clip)? } else { play(&live, &clip)? };
        let mut lags = lags(&log);
        all.extend_from_slice(&lags);
        let name = clip.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        say(&format!("{name}: {}", quantiles(&mut lags)));
    }
    say(&format!("all: {}", quantiles(&mut all)));
    say(&format!("{:#?}", live.snapshot()));
    Ok(())
}

fn setup(tracks: Vec<Track>, language: Language) -> CallSetup {
    CallSetup { language: allo::asr::LanguageChoice::Known(language), ..CallSetup::new("bench", tracks) }
}

fn play(live: &Arc<Live>, clip: &Clip) -> anyhow::Result<Arc<allo::live::EventLog>> {
    let replay = Replay::open(&clip.path)?;
    let tracks = replay.tracks([Channel::Caller, Channel::Agent]);
    let rate = tracks[0].rate;
    let call = live.open(setup(tracks.clone(), clip.language))?;
    replay.play(&call, Pace::RealTime(&SystemClock))?;
    let mut player = Player::new(&call, rate, Pace::RealTime(&SystemClock));
    player.push(&vec![silence(rate, AFTER); tracks.len()]);
    player.finish();
    finish(call)
}

fn play_as_telephone(live: &Arc<Live>, clip: &Clip) -> anyhow::Result<Arc<allo::live::EventLog>> {
    let rate = SampleRate::TELEPHONE;
    let mut samples = telephone(&clip.path)?;
    samples.extend(silence(rate, AFTER));
    let call = live.open(setup(vec![Track { channel: Channel::Caller, rate }], clip.language))?;
    let mut player = Player::new(&call, rate, Pace::RealTime(&SystemClock));
    player.push(&[samples]);
    player.finish();
    finish(call)
}

fn finish(call: allo::live::Call) -> anyhow::Result<Arc<allo::live::EventLog>> {
    let log = call.events();
    call.end(CallEndReason::HungUp);
    wait_for_end(&log)?;
    Ok(log)
}

fn silence(rate: SampleRate, length: Duration) -> Vec<f32> {
    vec![0.0; (f64::from(rate.hz()) * length.as_secs_f64()) as usize]
}

/// The first channel of a recording as a telephone hears it: 8 kHz, A-law.
fn telephone(path: &Path) -> anyhow::Result<Vec<f32>> {
    let mut recording = Recording::open(path, &OpenOptions::default())?;
    let rate = recording.info().sample_rate;
    let (mut block, mut samples) = (Block::new(), Vec::new());
    while recording.next_block(&mut block)? {
        samples.extend_from_slice(&block.planes()[0]);
    }
    let narrow = resample_all(&samples, rate, SampleRate::TELEPHONE)?;
    Ok(narrow.into_iter().map(through_a_law).collect())
}

fn through_a_law(sample: f32) -> f32 {
    Law::A.decode_f32(Law::A.encode_f32(sample))
}

/// Speech of the fixture calls, each caller's turns behind each other, and the silence that makes it 40 %.
fn caller_sound() -> anyhow::Result<Vec<Vec<f32>>> {
    let mut sounds = Vec::new();
    for clip in clips(None, usize::MAX)? {
        let samples = telephone(&clip.path)?;
        let voiced = speech_only(&samples);
        sounds.push(voiced);
    }
    Ok(sounds)
}

/// Cuts long silence out, then puts silence of a length that leaves 40 % speech between stretches of 4 s.
fn speech_only(samples: &[f32]) -> Vec<f32> {
    const STRETCH: usize = 32_000;
    let is_loud = |frame: &&[f32]| frame.iter().map(|sample| sample * sample).sum::<f32>() > 1e-4 * 160.0;
    let speech: Vec<f32> = samples.chunks(160).filter(is_loud).flatten().copied().collect();
    let pause = vec![0.0; (STRETCH as f64 * (1.0 / SPEECH_SHARE - 1.0)) as usize];
    speech.chunks(STRETCH).flat_map(|stretch| stretch.iter().chain(&pause)).copied().collect()
}

fn concurrent(numbers: std::ops::RangeInclusive<usize>, seconds: usize) -> anyhow::Result<()> {
    let live = start(|config| config.live.admission = false)?;
    let sounds = Arc::new(caller_sound()?);
    for number in numbers {
        let before = live.snapshot();
        let callers: Vec<_> = (0..number)
            .map(|index| {
                let (live, sounds) = (Arc::clone(&live), Arc::clone(&sounds));
                std::thread::spawn(move || {
                    one_of_many(&live, &sounds[index % sounds.len()], (index, seconds))
                })
            })
            .collect();
        let mut all = Vec::new();
        for caller in callers {
            all.extend(caller.join().expect("a caller does not panic")?);
        }
        let after = live.snapshot();
        say(&format!(
            "{number} calls: {}; partials {} shown, {} dropped",
            quantiles(&mut all),
            after.partials - before.partials,
            after.partials_dropped - before.partials_dropped
        ));
    }
    Ok(())
}

fn one_of_many(
    live: &Arc<Live>,
    sound: &[f32],
    (index, seconds): (usize, usize),
) -> anyhow::Result<Vec<Duration>> {
    let rate = SampleRate::TELEPHONE;
    let track = Track { channel: Channel::Caller, rate };
    let call = live.open(setup(vec![track], Language::Fr))?;
    // Nobody begins to speak at the same moment as another.
    let offset = silence(rate, Duration::from_millis(1_370 * index as u64 % 10_000));
    let length = seconds * rate.hz() as usize;
    let samples: Vec<f32> = offset.iter().chain(sound.iter().cycle()).take(length).copied().collect();
    let mut player = Player::new(&call, rate, Pace::RealTime(&SystemClock));
    player.push(&[samples]);
    player.push(&[silence(rate, AFTER)]);
    player.finish();
    Ok(lags(&finish(call)?))
}

fn idle(number: usize, seconds: usize, noise: bool) -> anyhow::Result<()> {
    let live = start(|config| {
        config.live.admission = false;
        config.live.max_calls = number;
    })?;
    let rate = SampleRate::TELEPHONE;
    let before = resident_kb();
    let calls: Vec<_> = (0..number)
        .map(|_| live.open(setup(vec![Track { channel: Channel::Caller, rate }], Language::Fr)))
        .collect::<Result<_, _>>()?;
    let mut seed = 1_u32;
    let mut frame = || -> Vec<f32> {
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Around -62 dBFS: the idle noise of a line.
            if noise { ((seed >> 8) as f32 / (1 << 24) as f32 - 0.5) * 0.0028 } else { 0.0 }
        };
        (0..160).map(|_| next()).collect()
    };
    let pacer = allo::live::replay::Pacer::default();
    let clock = SystemClock;
    let (began, busy) = (clock.monotonic(), processor_time());
    for index in 1..=(seconds * 50) as u32 {
        pacer.wait_until(began + Duration::from_millis(20) * index, &clock);
        let frame = frame();
        calls.iter().for_each(|call| call.audio(0, &frame));
    }
    let share = (processor_time() - busy).as_secs_f64() / elapsed(began).as_secs_f64();
    say(&format!(
        "{number} calls: {:.1} % of a core, {} kB each",
        share * 100.0,
        resident_kb().saturating_sub(before) / number as u64
    ));
    say(&format!("{:#?}", live.snapshot()));
    Ok(())
}

fn elapsed(since: Instant) -> Duration {
    SystemClock.monotonic().duration_since(since)
}

/// Processor time of this process; Linux only, zero elsewhere.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    // utime and stime, in hundredths of a second.
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

/// Memory in use; Linux only, zero elsewhere.
fn resident_kb() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|number| number.parse().ok()).unwrap_or(0)
}
