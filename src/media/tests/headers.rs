//! What a header says, or fails to say, and what is believed of it.

use super::*;

#[test]
fn what_is_no_recording_is_named() {
    let folder = Folder::new();
    assert!(matches!(open_error(&folder.0.path().join("none.wav")), Error::NotFound { .. }));
    assert!(matches!(open_error(folder.0.path()), Error::NotAFile { .. }));
    assert!(matches!(open_error(&folder.write("empty.wav", b"")), Error::Empty { .. }));
    let pdf = folder.write("call.wav", b"%PDF-1.7\n");
    let error = open_error(&pdf);
    assert!(matches!(error, Error::NotAudio { .. }));
    assert_eq!(
        error.to_string(),
        format!("{}: not an audio file, it looks like a PDF document", pdf.display())
    );
    let silent = folder.write("silent.wav", &wave_header(8_000, 1, 0));
    assert!(matches!(open_error(&silent), Error::NoSamples { .. }));
}

#[test]
fn absurd_headers_are_named() {
    let folder = Folder::new();
    let with = |rate_hz, channels| {
        let mut bytes = wave_header(rate_hz, channels, 400);
        bytes.resize(bytes.len() + 400, 0);
        folder.write("absurd.wav", &bytes)
    };
    assert!(matches!(open_error(&with(8_000, 0)), Error::NoChannels { .. }));
    assert!(matches!(open_error(&with(8_000, 500)), Error::TooManyChannels { channels: 500, .. }));
    assert!(matches!(open_error(&with(0, 1)), Error::BadSampleRate { rate_hz: 0, .. }));
    assert!(matches!(open_error(&with(4_000_000, 1)), Error::BadSampleRate { rate_hz: 4_000_000, .. }));
    let mut gsm = wave_header(8_000, 1, 65);
    gsm[20] = 0x31;
    let error = open_error(&folder.write("gsm.wav", &gsm));
    assert!(matches!(&error, Error::UnsupportedCodec { codec, .. } if codec.contains("GSM")));
    assert!(error.to_string().contains("hint: convert it first: ffmpeg -i"));
}

#[test]
fn a_declared_length_is_never_believed() {
    let folder = Folder::new();
    let mut bytes = wave_header(8_000, 2, 0xffff_fff0);
    bytes.resize(bytes.len() + 32_000, 0);
    let (_, planes, error) = read_all(&folder.write("big.wav", &bytes), &OpenOptions::default()).unwrap();
    assert_eq!(planes[0].len(), 8_000, "what is there is delivered");
    let error = error.expect("and then named");
    assert!(error.is_partial());
    assert!(matches!(error, Error::Truncated { declared_s: Some(declared), found_s, .. }
        if found_s == 1.0 && declared > 100_000.0));
}

#[test]
fn a_recorder_that_never_wrote_its_length_is_read_to_the_end() {
    let folder = Folder::new();
    for unknown in [0, u32::MAX, 0x7fff_f000] {
        let mut bytes = wave_header(8_000, 1, unknown);
        bytes.extend((0..8_000u32).flat_map(|n| ((n % 100) as i16 * 50).to_le_bytes()));
        let (info, planes) = read_whole(&folder.write("live.wav", &bytes));
        assert_eq!((info.declared_frames, planes[0].len()), (None, 8_000), "declared {unknown:#x}");
    }
}

#[test]
fn half_an_hour_of_stereo_is_streamed_in_small_blocks() {
    let folder = Folder::new();
    let frames = 30 * 60 * 8_000u32;
    let path = folder.write("long.wav", &wave_header(8_000, 2, frames * 4));
    // A hole in the file: no disk is used for the silence.
    File::options().write(true).open(&path).unwrap().set_len(u64::from(frames) * 4 + 44).unwrap();
    let mut recording = Recording::open(&path, &OpenOptions::default()).unwrap();
    let mut block = Block::new();
    let mut total = 0;
    while recording.next_block(&mut block).unwrap() {
        assert!(block.frames() <= MAX_BLOCK_FRAMES);
        total += block.frames();
    }
    assert_eq!(total, frames as usize);
    let held: usize = recording.ready.iter().chain(&block.planes).map(Vec::capacity).sum();
    assert!(held <= 8 * MAX_BLOCK_FRAMES, "{held} samples are held");
}
