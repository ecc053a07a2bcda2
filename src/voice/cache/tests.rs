use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;

const RATE: SampleRate = SampleRate::TELEPHONE;

fn key(number: u32) -> Key {
    Key::of(&[&number.to_le_bytes()])
}

fn cache(folder: Option<&Path>, memory_bytes: u64, disk_bytes: u64) -> Cache {
    Cache::new(&Bounds { memory_bytes, disk: folder.map(|folder| (folder.to_path_buf(), disk_bytes)) })
}

fn speak(cache: &Cache, number: u32) -> Arc<[f32]> {
    cache.get_or_speak(key(number), RATE, || Ok::<_, ()>(vec![0.25; 100])).unwrap()
}

fn folder_bytes(folder: &Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn parts_of_a_key_do_not_run_into_each_other() {
    assert!(Key::of(&[b"ab", b"c"]) != Key::of(&[b"a", b"bc"]));
    assert_eq!(format!("{:?}", Key::of(&[b"secret"])), "Key");
}

#[test]
fn what_was_spoken_is_found_again_also_by_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("voice");
    let first = cache(Some(&path), 10_000, 10_000);
    let spoken = speak(&first, 1);
    assert_eq!(speak(&first, 1), spoken);
    assert_eq!(first.counts(), Counts { memory: 1, disk: 0, spoken: 1 });
    let second = cache(Some(&path), 10_000, 10_000);
    let found = speak(&second, 1);
    assert!(found.iter().zip(spoken.iter()).all(|(one, other)| (one - other).abs() < 1e-4));
    assert_eq!(second.counts(), Counts { memory: 0, disk: 1, spoken: 0 });
    assert!(second.get(key(1), RATE).is_some());
}

#[test]
fn another_rate_or_a_damaged_file_was_never_spoken() {
    let folder = tempfile::tempdir().unwrap();
    speak(&cache(Some(folder.path()), 0, 10_000), 1);
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&file).unwrap();
    let mut changed = whole.clone();
    changed[60] ^= 1;
    for damaged in [&whole[..whole.len() - 1], &whole[..10], &[], &changed] {
        std::fs::write(&file, damaged).unwrap();
        assert!(cache(Some(folder.path()), 0, 10_000).get(key(1), RATE).is_none());
        assert!(!file.exists());
    }
    std::fs::write(&file, &whole).unwrap();
    assert!(cache(Some(folder.path()), 0, 10_000).get(key(1), RATE).is_some());
    assert!(cache(Some(folder.path()), 0, 10_000).get(key(1), SampleRate::PIPELINE).is_none());
}

#[test]
fn what_was_left_unfinished_goes_and_foreign_files_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (left, foreign) = (folder.path().join(".unfinished-x"), folder.path().join("README"));
    std::fs::write(&left, b"x").unwrap();
    std::fs::write(&foreign, b"x").unwrap();
    speak(&cache(Some(folder.path()), 0, 300), 1);
    assert!(!left.exists() && foreign.exists());
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_what_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("voice");
    speak(&cache(Some(&path), 0, 10_000), 1);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o077;
    assert_eq!(mode(&path), 0);
    assert_eq!(mode(&std::fs::read_dir(&path).unwrap().next().unwrap().unwrap().path()), 0);
}

#[test]
fn a_folder_that_cannot_be_used_costs_no_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"x").unwrap();
    assert_eq!(speak(&cache(Some(&file), 10_000, 10_000), 1).len(), 100);
}

#[test]
fn many_who_want_the_same_at_once_have_it_spoken_once() {
    let cache = cache(None, 10_000, 0);
    let times = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                cache.get_or_speak(key(1), RATE, || {
                    times.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, ()>(vec![0.0; 10])
                })
            });
        }
    });
    assert_eq!(times.load(Ordering::SeqCst), 1);
    assert!(cache.under_way.lock().unwrap().is_empty());
}

#[test]
fn a_failure_is_not_kept() {
    let cache = cache(None, 10_000, 0);
    assert_eq!(cache.get_or_speak(key(1), RATE, || Err("broken")), Err("broken"));
    assert_eq!(speak(&cache, 1).len(), 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn bounds_hold_and_the_last_used_stay(uses in prop::collection::vec(0_u32..12, 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        // Five pieces in memory, eight on disk: 100 samples are 560 bytes there and 224 here.
        let cache = cache(Some(folder.path()), 5 * 560, 8 * 224);
        for number in &uses {
            speak(&cache, *number);
            prop_assert!(locked(&cache.memory).bytes() <= 5 * 560);
            prop_assert!(folder_bytes(folder.path()) <= 8 * 224);
        }
        let mut last: Vec<u32> = Vec::new();
        for number in uses.iter().rev() {
            if !last.contains(number) {
                last.push(*number);
            }
        }
        let before = cache.counts();
        for number in last.iter().take(5).rev() {
            speak(&cache, *number);
        }
        prop_assert_eq!(cache.counts().memory - before.memory, last.len().min(5) as u64);
    }
}
