//! Folders of recordings: every good one gets its result, every bad one its name.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use crate::allo::{Home, needs_models, system_file};

/// Short French prompts of a real voice.
const PROMPTS: &str = "/usr/share/asterisk/sounds/fr_CA_f_June/digits";

/// The fastest model: these tests are about folders, not words. It knows English only.
const MODEL: &[&str] = &["--model", "whisper-tiny.en", "--language", "en"];

fn folder_of_prompts(folder: &Path, count: usize) {
    fs::create_dir_all(folder).unwrap();
    let mut prompts: Vec<_> = fs::read_dir(system_file(PROMPTS))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wav"))
        .collect();
    prompts.sort();
    assert!(!prompts.is_empty());
    for index in 0..count {
        fs::copy(&prompts[index % prompts.len()], folder.join(format!("call-{index:03}.wav"))).unwrap();
    }
}

fn results(folder: &Path) -> usize {
    // The journal of the folder is hidden.
    let is_hidden = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with('.');
    let entries = fs::read_dir(folder).into_iter().flatten().map(Result::unwrap);
    entries.filter(|entry| !is_hidden(entry)).count()
}

#[test]
fn a_hundred_good_files_and_a_broken_one_give_a_hundred_results_and_one_named_error() {
    needs_models(&["whisper-tiny.en", "silero-vad", "onnxruntime"]);
    let home = Home::new();
    let recordings = home.path("recordings");
    let texts = home.path("texts");
    folder_of_prompts(&recordings, 100);
    fs::write(recordings.join("broken.wav"), b"RIFF\x00\x01\x00\x00WAVEnot really").unwrap();
    fs::write(recordings.join("notes.txt"), b"not a recording").unwrap();
    let run = || {
        let arguments = ["transcribe", "--format", "json"].into_iter().chain(MODEL.iter().copied());
        let folders = [recordings.to_str().unwrap(), "--output", texts.to_str().unwrap()];
        home.allo(arguments.chain(folders)).run()
    };
    let first = run().exits(1).says("broken.wav").says("left out: 1 file");
    assert_eq!(first.stderr().matches("error:").count(), 1, "{}", first.stderr());
    assert_eq!(results(&texts), 100);

    let second = run().exits(1).says("100 recordings already done").says("broken.wav");
    assert!(second.stdout().is_empty());

    fs::remove_file(recordings.join("broken.wav")).unwrap();
    fs::remove_file(texts.join("call-007.wav.json")).unwrap();
    run().succeeds().says("99 recordings already done");
    assert_eq!(results(&texts), 100);
}

/// A recording of twenty minutes or so: whoever works on it has not finished when others have done a few prompts.
fn long_recording(file: &Path) {
    let prompt = system_file(&format!("{PROMPTS}/1.wav"));
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-stream_loop", "2000", "-i"]).arg(prompt).arg(file);
    assert!(command.status().expect("ffmpeg is installed by the set-up").success());
}

fn written(folder: &Path) -> Vec<(String, SystemTime)> {
    let about = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().modified().unwrap())
    };
    let mut written: Vec<_> = fs::read_dir(folder).unwrap().map(Result::unwrap).map(about).collect();
    written.retain(|(name, _)| !name.starts_with('.'));
    written.sort();
    written
}

#[test]
fn a_run_that_is_killed_keeps_what_was_done_behind_a_long_recording_and_the_next_does_the_rest() {
    needs_models(&["whisper-tiny.en", "silero-vad", "onnxruntime"]);
    let home = Home::new();
    let (recordings, texts) = (home.path("recordings"), home.path("texts"));
    folder_of_prompts(&recordings, 6);
    let (long, broken) = (recordings.join("a-long.wav"), recordings.join("z-broken.wav"));
    long_recording(&long);
    fs::write(&broken, b"RIFF\x00\x01\x00\x00WAVEnot really").unwrap();
    let command = || {
        let arguments = ["transcribe", "--format", "json"].into_iter().chain(MODEL.iter().copied());
        let folders = [recordings.to_str().unwrap(), "--output", texts.to_str().unwrap()];
        home.allo(arguments.chain(folders)).configured(&home, "[asr]\nbeam_size = 1\nworkers = 2\n")
    };

    // The second worker comes to the broken one last, while the first is still at the long one.
    let mut run = command().start();
    let mut said = BufReader::new(run.stderr.take().unwrap()).lines().map(Result::unwrap);
    let named = said.find(|line| line.contains("z-broken.wav"));
    run.kill().unwrap();
    run.wait().unwrap();
    let done = written(&texts);
    let is_short = |(name, _): &(String, SystemTime)| name.starts_with("call-");
    assert!(named.is_some() && done.len() == 6 && done.iter().all(is_short), "{named:?}, {done:?}");

    fs::remove_file(broken).unwrap();
    fs::copy(recordings.join("call-000.wav"), long).unwrap();
    command().run().succeeds().says("6 recordings already done");
    let all = written(&texts);
    assert_eq!((all.len(), &all[1..]), (7, done.as_slice()), "what was done is not done again");
}

#[test]
fn a_second_run_counts_what_it_works_on_and_names_the_damage_of_the_first() {
    needs_models(&["whisper-tiny.en", "silero-vad", "onnxruntime"]);
    let home = Home::new();
    let (recordings, texts) = (home.path("recordings"), home.path("texts"));
    folder_of_prompts(&recordings, 1);
    let good = fs::read(recordings.join("call-000.wav")).unwrap();
    fs::write(recordings.join("cut.wav"), &good[..good.len() / 2]).unwrap();
    fs::write(recordings.join("broken.wav"), b"RIFF\x00\x01\x00\x00WAVEnot really").unwrap();
    let run = || {
        let folders = [recordings.to_str().unwrap(), "--output", texts.to_str().unwrap()];
        home.allo(["transcribe"].iter().chain(MODEL).copied().chain(folders)).run().exits(1)
    };
    run().says("transcribing 3 recordings: 1 done, 2 failed");
    run().says("cut.wav: truncated").says("transcribing 1 recording: 0 done, 1 failed");
}

#[test]
fn results_for_stdout_come_in_the_order_of_the_files() {
    needs_models(&["whisper-tiny.en", "silero-vad", "onnxruntime"]);
    let home = Home::new();
    let recordings = home.path("recordings");
    folder_of_prompts(&recordings, 12);
    let arguments = ["transcribe", "--format", "json"].into_iter().chain(MODEL.iter().copied());
    let run = home.allo(arguments.chain([recordings.to_str().unwrap()])).run().succeeds();
    let files: Vec<String> = run
        .stdout()
        .lines()
        .map(|line| {
            let result: serde_json::Value = serde_json::from_str(line).unwrap();
            result["file"].as_str().unwrap().to_owned()
        })
        .collect();
    let mut sorted = files.clone();
    sorted.sort();
    assert_eq!((files.len(), &files), (12, &sorted));
}

#[test]
fn every_kind_of_bad_file_is_named_with_what_is_wrong() {
    needs_models(&["whisper-tiny.en", "silero-vad", "onnxruntime"]);
    let home = Home::new();
    let folder = home.path("bad");
    fs::create_dir_all(&folder).unwrap();
    let good = fs::read(system_file(&format!("{PROMPTS}/1.wav"))).unwrap();
    let mut zero_channels = good.clone();
    zero_channels[22..24].copy_from_slice(&[0, 0]);
    let mut huge = good.clone();
    huge[40..44].copy_from_slice(&[0xF0, 0xFF, 0xFF, 0xFF]);
    let cases: &[(&str, &[u8], &str)] = &[
        ("empty.wav", b"", "empty"),
        ("page.mp3", b"<!doctype html><html><body>404</body></html>", "HTML"),
        ("archive.flac", b"PK\x03\x04rest of an archive that is no audio at all", "ZIP"),
        ("zero-channels.wav", &zero_channels, "channel"),
        ("huge.wav", &huge, "huge.wav: truncated, "),
        ("cut.wav", &good[..good.len() / 2], "cut.wav: truncated, "),
    ];
    for (name, bytes, _) in cases {
        fs::write(folder.join(name), bytes).unwrap();
    }
    fs::write(folder.join("good.wav"), &good).unwrap();
    let arguments = ["transcribe", "--format", "json"].into_iter().chain(MODEL.iter().copied());
    let mut run = home.allo(arguments.chain([folder.to_str().unwrap()])).run().exits(1);
    for (name, _, wrong) in cases {
        run = run.says(name).says(wrong);
    }
    run.prints("good.wav");
}
