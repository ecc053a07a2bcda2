//! What a file is, by its first bytes; its name counts only where the content does not tell.

use std::path::Path;

/// How much of a file is looked at.
pub(super) const HEAD_BYTES: usize = 4096;

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// RIFF/WAVE, RF64 or BW64.
    Wave,
    /// A container that symphonia reads.
    Packets,
    /// Bare frames of MPEG audio or AAC, which symphonia reads: nothing says how many there are.
    Frames,
    /// Audio or video that is not read here.
    Unsupported(&'static str),
    /// Something else; in words that follow "it looks like".
    NotAudio(&'static str),
}

pub(super) fn sniff(head: &[u8], path: &Path) -> Verdict {
    riff(head)
        .or_else(|| discrete_opus(head))
        .or_else(|| audio(head))
        .or_else(|| unsupported(head))
        .or_else(|| other(head))
        .or_else(|| is_gsm(head).then_some(Verdict::Unsupported("GSM 6.10")))
        .or_else(|| is_text(head).then_some(Verdict::NotAudio("a text file")))
        .unwrap_or_else(|| unknown(head, path))
}

fn riff(head: &[u8]) -> Option<Verdict> {
    let form = head.get(8..12);
    match head.get(..4)? {
        b"RIFF" | b"RF64" | b"BW64" => Some(match form {
            Some(b"WAVE") => Verdict::Wave,
            Some(b"AVI ") => Verdict::Unsupported("AVI video"),
            Some(b"WEBP") => Verdict::NotAudio("an image"),
            Some(_) | None => Verdict::NotAudio("a RIFF file that is not WAVE"),
        }),
        b"RIFX" => Some(Verdict::Unsupported("big-endian WAV (RIFX)")),
        _ => None,
    }
}

/// Opus whose channels have no places: symphonia does not demux it.
fn discrete_opus(head: &[u8]) -> Option<Verdict> {
    // A page of one segment has a header of 28 bytes; the mapping family is byte 18 of the packet.
    let packet = head.strip_prefix(b"OggS")?.get(24..)?.strip_prefix(b"OpusHead")?;
    (*packet.get(10)? > 1).then_some(Verdict::Unsupported("Opus with a channel mapping family above 1"))
}

fn audio(head: &[u8]) -> Option<Verdict> {
    if head.starts_with(b"ID3") || is_mpeg_frame(head) {
        return Some(Verdict::Frames);
    }
    let starts = [&b"fLaC"[..], b"OggS", b"caff", b"\x1a\x45\xdf\xa3"];
    let is_known = starts.iter().any(|start| head.starts_with(start))
        || head.starts_with(b"FORM") && matches!(head.get(8..12), Some(b"AIFF" | b"AIFC"))
        || matches!(head.get(4..8), Some(b"ftyp" | b"moov" | b"mdat" | b"wide" | b"skip" | b"free"));
    is_known.then_some(Verdict::Packets)
}

/// The sync word of an MPEG audio or ADTS frame with fields that exist.
fn is_mpeg_frame(head: &[u8]) -> bool {
    let &[0xff, second, third, ..] = head else { return false };
    let is_adts = second & 0xf6 == 0xf0 && third & 0x3c != 0x3c;
    let is_mpeg = second & 0xe0 == 0xe0
        && second & 0x18 != 0x08
        && second & 0x06 != 0
        && third & 0xf0 != 0xf0
        && third & 0x0c != 0x0c;
    is_adts || is_mpeg
}

fn unsupported(head: &[u8]) -> Option<Verdict> {
    const KINDS: [(&[u8], &str); 8] = [
        (b"#!AMR", "AMR"),
        (b"#!SILK", "SILK"),
        (b"\x02#!SILK", "SILK"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media (WMA, ASF)"),
        (b"FLV\x01", "Flash video"),
        (b".snd", "Sun AU"),
        (b"wvpk", "WavPack"),
        (b"MAC ", "Monkey's Audio"),
    ];
    KINDS.iter().find(|(start, _)| head.starts_with(start)).map(|&(_, name)| Verdict::Unsupported(name))
}

fn other(head: &[u8]) -> Option<Verdict> {
    const KINDS: [(&[u8], &str); 16] = [
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive or an office document"),
        (b"PK\x05\x06", "an empty ZIP archive"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"BZh", "a bzip2 archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"\xfd7zXZ", "an xz archive"),
        (b"\x28\xb5\x2f\xfd", "a zstd archive"),
        (b"Rar!", "a RAR archive"),
        (b"\x89PNG", "an image"),
        (b"\xff\xd8\xff", "an image"),
        (b"GIF8", "an image"),
        (b"\x7fELF", "a program"),
        (b"MZ", "a Windows program"),
        (b"SQLite format 3", "a database"),
        (b"\xd0\xcf\x11\xe0", "an old office document"),
    ];
    if let Some(&(_, name)) = KINDS.iter().find(|(start, _)| head.starts_with(start)) {
        return Some(Verdict::NotAudio(name));
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let opening: Vec<u8> = text.iter().take(16).map(u8::to_ascii_lowercase).collect();
    if opening.starts_with(b"<!doctype html") || opening.starts_with(b"<html") {
        Some(Verdict::NotAudio("an HTML page"))
    } else if opening.starts_with(b"<?xml") {
        Some(Verdict::NotAudio("an XML document"))
    } else {
        None
    }
}

/// Bytes of a frame of GSM 6.10, which begins with the four bits 1101.
const GSM_FRAME_BYTES: usize = 33;
/// Frames that are looked at at least: a third of a second.
const GSM_FRAMES_MIN: usize = 16;

/// Asterisk's prompts and voicemail are bare frames. The byte behind the first tells them from the silence of A-law, which is
/// 1101 all the time.
fn is_gsm(head: &[u8]) -> bool {
    let are_marked =
        |from: usize| head.iter().skip(from).step_by(GSM_FRAME_BYTES).all(|byte| byte >> 4 == 0b1101);
    head.len() >= GSM_FRAMES_MIN * GSM_FRAME_BYTES && are_marked(0) && !are_marked(1)
}

fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The head may end in the middle of a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{c}'))
}

fn unknown(head: &[u8], path: &Path) -> Verdict {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    // Such streams are cut at any byte by recorders; symphonia finds the first whole frame.
    if ["mp3", "mp2", "mpga", "aac"].iter().any(|known| extension.eq_ignore_ascii_case(known)) {
        Verdict::Frames
    } else if head.iter().all(|&byte| byte == 0) {
        Verdict::NotAudio("a file of zeros\nhint: a copy that was interrupted often looks like this")
    } else {
        Verdict::NotAudio(
            "unknown binary data\nhint: headerless audio needs its format, such as --raw alaw --rate 8000 --raw-channels 2",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(head: &[u8]) -> Verdict {
        sniff(head, Path::new("call.wav"))
    }

    #[test]
    fn audio_is_recognised_whatever_its_name() {
        assert_eq!(verdict(b"RIFF\0\0\0\0WAVEfmt "), Verdict::Wave);
        for head in [&b"fLaC\0\0"[..], b"OggS\0", b"caff\0\x01"] {
            assert_eq!(verdict(head), Verdict::Packets, "{head:?}");
        }
        for head in [&b"ID3\x04"[..], b"\xff\xfb\x90\x00", b"\xff\xf1\x50\x80"] {
            assert_eq!(verdict(head), Verdict::Frames, "{head:?}");
        }
        assert_eq!(verdict(b"FORM\0\0\0\0AIFF"), Verdict::Packets);
        assert_eq!(verdict(b"\0\0\0\x20ftypM4A "), Verdict::Packets);
    }

    #[test]
    fn what_is_not_audio_is_named() {
        assert_eq!(verdict(b"%PDF-1.7"), Verdict::NotAudio("a PDF document"));
        assert_eq!(verdict(b"\xef\xbb\xbf\n <!DOCTYPE HTML>"), Verdict::NotAudio("an HTML page"));
        assert_eq!(verdict(b"PK\x03\x04\x14"), Verdict::NotAudio("a ZIP archive or an office document"));
        assert_eq!(verdict("Appel re\u{e7}u \u{e0} 9 h\n".as_bytes()), Verdict::NotAudio("a text file"));
        assert_eq!(verdict(b"#!AMR\n"), Verdict::Unsupported("AMR"));
        assert_eq!(verdict(b"\xff\xd8\xff\xe0"), Verdict::NotAudio("an image"));
        assert!(matches!(verdict(b"\x01\x02\x80\x90"), Verdict::NotAudio(text) if text.contains("--raw")));
    }

    #[test]
    fn bare_frames_of_gsm_are_told_from_headerless_samples() {
        let mut frames: Vec<u8> = (0..33 * 20).map(|n| (n * 7 % 251) as u8).collect();
        frames.iter_mut().step_by(33).for_each(|first| *first = 0xd2);
        assert_eq!(verdict(&frames), Verdict::Unsupported("GSM 6.10"));
        frames[33 * 5] = 0x42;
        for other in [&frames[..], &[0xd5; 4096], &[0xd2; 33]] {
            assert!(matches!(verdict(other), Verdict::NotAudio(_)));
        }
    }

    #[test]
    fn a_stream_cut_inside_a_frame_is_tried_by_its_extension() {
        assert_eq!(sniff(b"\x01\x02\x80\x90", Path::new("cut.MP3")), Verdict::Frames);
    }
}
