//! Files that are cut, broken or have a hole.

use proptest::prelude::*;

use super::*;

#[test]
fn a_recording_cut_short_gives_its_audio_and_then_says_so() {
    if !has_ffmpeg() {
        return;
    }
    let folder = Folder::new();
    let source = folder.write("source.wav", &wave_bytes(44_100, &signal(44_100, 3.0)));
    for (name, arguments) in [
        ("cut.wav", "-c:a pcm_s16le"),
        ("cut.flac", "-c:a flac"),
        ("cut.mp3", "-c:a libmp3lame"),
        ("cut.ogg", "-c:a libvorbis"),
        ("cut.opus", "-c:a libopus"),
        ("cut.m4a", "-c:a aac -movflags +faststart"),
        ("cut.aiff", "-c:a pcm_s16be"),
        ("cut.caf", "-c:a pcm_s16le"),
        ("cut.webm", "-c:a libopus"),
    ] {
        let path = folder.convert(&source, name, arguments);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() * 7 / 10]).unwrap();
        let (info, planes, error) = read_all(&path, &OpenOptions::default()).unwrap();
        let seconds = planes[0].len() as f64 / f64::from(info.sample_rate.hz());
        assert!((0.9..2.8).contains(&seconds), "{name}: {seconds} s");
        assert!(matches!(error, Some(Error::Truncated { .. })), "{name}: {error:?}");
    }
}

#[test]
fn a_recording_whose_middle_cannot_be_decoded_gives_what_came_before() {
    if !has_ffmpeg() {
        return;
    }
    let folder = Folder::new();
    let source = folder.write("source.wav", &wave_bytes(48_000, &signal(48_000, 8.0)));
    let path = folder.convert(&source, "broken.mp4", "-c:a libopus -f mp4");
    let mut bytes = std::fs::read(&path).unwrap();
    let place = |kind: &[u8]| bytes.windows(4).position(|four| four == kind).unwrap();
    let (audio, index) = (place(b"mdat") + 4, place(b"moov") - 4);
    assert!(audio < index, "the index is behind the audio and stays whole");
    // No Opus packet begins so. A third of 400 packets is more than are tried in a row.
    bytes[audio + (index - audio) / 3..audio + (index - audio) * 2 / 3].fill(0xff);
    std::fs::write(&path, &bytes).unwrap();
    let (info, planes, error) = read_all(&path, &OpenOptions::default()).unwrap();
    let seconds = planes[0].len() as f64 / f64::from(info.sample_rate.hz());
    let error = error.expect("and then named");
    assert!(error.is_partial(), "{error:?}");
    let Error::Interrupted { found_s, source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*found_s, seconds);
    assert!((2.0..6.0).contains(&seconds), "{seconds} s");
    assert!(matches!(**source, Error::Malformed { .. }), "{source:?}");
    assert!(error.to_string().contains("broken.mp4: given up after"), "{error}");
}

#[test]
fn a_panic_of_the_parser_is_an_error_and_the_next_panic_is_heard_again() {
    let fault = demux::guarded::<()>(|| panic!("a parser that stumbles"));
    assert!(matches!(fault, Err(demux::Fault::Panicked)));
    assert!(!demux::is_guarded());
    assert!(demux::guarded(|| Ok(demux::is_guarded())).is_ok_and(|guarded| guarded));
}

#[test]
fn a_hole_in_a_stream_keeps_the_time_line() {
    if !has_ffmpeg() {
        return;
    }
    let folder = Folder::new();
    let planes = signal(8_000, 4.0);
    let source = folder.write("source.wav", &wave_bytes(8_000, &planes));
    for (name, arguments) in
        [("hole.flac", "-c:a flac -frame_size 800"), ("hole.opus", "-c:a libopus -page_duration 100000")]
    {
        let path = folder.convert(&source, name, arguments);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 600].fill(0x55);
        std::fs::write(&path, &bytes).unwrap();
        let (info, found, error) = read_all(&path, &OpenOptions::default()).unwrap();
        let rate_hz = info.sample_rate.hz();
        assert!(matches!(error, Some(Error::Damaged { .. })), "{name}: {error:?}");
        assert_eq!(found[0].len(), 4 * rate_hz as usize, "{name}");
        let expected = resampled(&planes[0], 8_000, rate_hz);
        let tail = 3 * rate_hz as usize..;
        assert_eq!(lag(&expected[tail.clone()], &found[0][tail], 1_000), 0, "{name}: the end is shifted");
    }
}

const SMALL_FILES: [(&str, &str); 8] = [
    ("s.wav", "-c:a pcm_s16le"),
    ("s.flac", "-c:a flac"),
    ("s.ogg", "-c:a libvorbis"),
    ("s.opus", "-c:a libopus"),
    ("s.mp3", "-c:a libmp3lame -b:a 32k"),
    ("s.m4a", "-c:a aac -movflags +faststart"),
    ("s.webm", "-c:a libopus"),
    ("s.aiff", "-c:a pcm_s16be"),
];

type NamedBytes = Vec<(&'static str, Vec<u8>)>;

fn small_files(folder: &Folder) -> NamedBytes {
    let source = folder.write("source.wav", &wave_bytes(8_000, &signal(8_000, 0.06)));
    SMALL_FILES
        .iter()
        .map(|&(name, arguments)| (name, std::fs::read(folder.convert(&source, name, arguments)).unwrap()))
        .collect()
}

/// A broken file gives audio, an error, or both; the error names the file, and nothing panics or runs away.
fn check_broken(path: &Path, name: &str) {
    match read_all(path, &OpenOptions::default()) {
        Ok((info, planes, error)) => {
            let seconds = planes[0].len() as u64 / u64::from(info.sample_rate.hz());
            assert!(seconds <= MAX_DURATION_S + 1, "{name}: {seconds} s");
            if let Some(error) = error {
                assert!(error.to_string().contains(name), "{error}");
            }
        }
        Err(error) => assert!(error.to_string().contains(name) && !error.is_partial(), "{error}"),
    }
}

#[test]
fn a_file_cut_at_any_byte_is_read_or_refused_by_name() {
    if !has_ffmpeg() {
        return;
    }
    let folder = Folder::new();
    for (name, bytes) in small_files(&folder) {
        let path = folder.write(name, &bytes);
        let file = File::options().write(true).open(&path).unwrap();
        for length in (0..bytes.len() as u64).rev() {
            file.set_len(length).unwrap();
            check_broken(&path, name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_with_broken_bytes_is_read_or_refused_by_name(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..12),
        is_header in any::<bool>(),
    ) {
        thread_local! {
            static FILES: Option<(Folder, NamedBytes)> = has_ffmpeg().then(|| {
                let folder = Folder::new();
                let files = small_files(&folder);
                (folder, files)
            });
        }
        FILES.with(|files| {
            let Some((folder, files)) = files else { return };
            for (name, bytes) in files {
                let name = *name;
                let mut broken = bytes.clone();
                // Most of the ways to hurt a reader lie in the header.
                let reach = if is_header { broken.len().min(200) } else { broken.len() };
                for (place, value) in &changes {
                    broken[place.index(reach)] = *value;
                }
                check_broken(&folder.write(name, &broken), name);
            }
        });
    }
}
