use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use search::{Change, Index};

use crate::{document, found, id, index_of_titles, open};

/// The folder that CURRENT names.
fn generation(folder: &Path) -> PathBuf {
    folder.join(fs::read_to_string(folder.join("CURRENT")).unwrap())
}

/// The number of generations in a folder.
fn generations(folder: &Path) -> usize {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("gen-")).count()
}

#[test]
fn documents_and_cursor_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let opened = Index::open(folder.path()).unwrap();
    assert_eq!((opened.cursor, opened.note, opened.index.cursor()), (None, None, None));
    opened.index.apply(vec![Change::Put(document(1, "printer", ""))], "seven").unwrap();
    assert_eq!(opened.index.cursor().as_deref(), Some("seven"));
    drop(opened.index);
    let again = Index::open(folder.path()).unwrap();
    assert_eq!((again.cursor.as_deref(), again.note), (Some("seven"), None));
    assert_eq!((again.index.len(), found(&again.index, "printer")), (1, vec![1]));
    again.index.apply(Vec::new(), "eight").unwrap();
    assert_eq!(again.index.cursor().as_deref(), Some("eight"));
}

#[test]
fn leftovers_of_a_killed_process_are_ignored() {
    let (folder, index) = index_of_titles(&["printer"]);
    drop(index);
    // Lock files, an unfinished generation, an unfinished CURRENT.
    for lock in [".tantivy-writer.lock", ".tantivy-meta.lock"] {
        fs::write(generation(folder.path()).join(lock), "stale").unwrap();
    }
    fs::create_dir(folder.path().join("gen-99")).unwrap();
    fs::write(folder.path().join("gen-99/meta.json"), "{").unwrap();
    fs::write(folder.path().join("CURRENT.part"), "gen-9").unwrap();
    let opened = Index::open(folder.path()).unwrap();
    assert_eq!((opened.cursor.as_deref(), opened.note), (Some("1"), None));
    assert_eq!(generations(folder.path()), 1);
    opened.index.apply(vec![Change::Put(document(2, "scanner", ""))], "2").unwrap();
    assert_eq!(found(&opened.index, "scanner"), [2]);
}

/// Opens an index after `damage`: it must be recreated with a note that contains `why`.
fn check_recreated(why: &str, set_aside: bool, damage: impl FnOnce(&Path)) {
    let (folder, index) = index_of_titles(&["printer", "scanner"]);
    drop(index);
    damage(folder.path());
    let opened = Index::open(folder.path()).unwrap();
    let note = opened.note.unwrap();
    assert!(note.contains(why), "{note}");
    assert_eq!((opened.cursor, opened.index.len()), (None, 0));
    assert_eq!((generations(folder.path()), folder.path().join("set-aside").is_dir()), (1, set_aside));
    opened.index.apply(vec![Change::Put(document(3, "camera", ""))], "3").unwrap();
    drop(opened.index);
    let again = Index::open(folder.path()).unwrap();
    assert_eq!((again.note, again.cursor.as_deref(), found(&again.index, "camera")), (None, Some("3"), vec![3]));
}

#[test]
fn an_index_that_cannot_be_used_is_set_aside() {
    let in_generation = |name: &'static str, content: &'static str| {
        move |folder: &Path| fs::write(generation(folder).join(name), content).unwrap()
    };
    check_recreated("format \"buoy-search 0\"", true, in_generation("format", "buoy-search 0"));
    check_recreated("format", true, in_generation("format", "\u{0}\u{1}"));
    check_recreated("cannot be used", true, in_generation("meta.json", "{\"half"));
    check_recreated("never finished", true, |folder| fs::remove_file(generation(folder).join("format")).unwrap());
    check_recreated("not there", false, |folder| fs::remove_dir_all(generation(folder)).unwrap());
    check_recreated("not there", false, |folder| fs::write(folder.join("CURRENT"), "gen-777").unwrap());
    check_recreated("no name", false, |folder| fs::write(folder.join("CURRENT"), "../../elsewhere").unwrap());
    check_recreated("no name", false, |folder| fs::write(folder.join("CURRENT"), b"\xff\xfe").unwrap());
}

#[test]
fn damaged_files_are_detected() {
    // Postings: truncated, deleted, and with one bit flipped.
    let postings = |folder: &Path| -> PathBuf {
        let mut files = fs::read_dir(generation(folder)).unwrap().map(|entry| entry.unwrap().path());
        files.find(|path| path.extension().is_some_and(|extension| extension == "idx")).unwrap()
    };
    check_recreated("cannot be used", true, |folder| {
        let file = postings(folder);
        let whole = fs::read(&file).unwrap();
        fs::write(file, &whole[..whole.len() / 2]).unwrap();
    });
    check_recreated("cannot be used", true, |folder| fs::remove_file(postings(folder)).unwrap());
    check_recreated("damaged", true, |folder| {
        let file = postings(folder);
        let mut whole = fs::read(&file).unwrap();
        whole[0] ^= 1;
        fs::write(file, whole).unwrap();
    });
}

#[test]
fn a_failed_write_names_the_folder_and_a_later_one_works() {
    let (folder, index) = index_of_titles(&["printer"]);
    let place = generation(folder.path());
    let away = folder.path().join("away");
    // A missing folder stands for a full disk.
    fs::rename(&place, &away).unwrap();
    let error = index.apply(vec![Change::Put(document(2, "scanner", ""))], "2").unwrap_err().to_string();
    assert!(error.contains(&place.display().to_string()), "{error}");
    assert_eq!(
        (found(&index, "printer"), found(&index, "scanner"), index.cursor().as_deref()),
        (vec![1], vec![], Some("1"))
    );
    fs::rename(&away, &place).unwrap();
    index.apply(vec![Change::Put(document(3, "camera", ""))], "3").unwrap();
    assert_eq!((found(&index, "scanner"), found(&index, "camera"), index.len()), (vec![], vec![3], 2));
    drop(index);
    assert_eq!(Index::open(folder.path()).unwrap().cursor.as_deref(), Some("3"));
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Index::open(&file.join("index")).err().unwrap().to_string();
    assert!(error.contains("file/index"), "{error}");
}

#[test]
fn a_rebuild_replaces_the_index() {
    let (folder, index) = index_of_titles(&["old printer", "old scanner"]);
    let old = generation(folder.path());
    let rebuild = index.rebuild().unwrap();
    rebuild.put(vec![document(1, "new printer", ""), document(5, "first", "")]).unwrap();
    rebuild.put(vec![document(5, "second", ""), document(6, "third", "")]).unwrap();
    // Until the swap the old index answers and accepts changes.
    index.apply(vec![Change::Remove(id(2))], "2").unwrap();
    assert_eq!((found(&index, "old"), found(&index, "new"), index.len()), (vec![1], vec![], 1));
    rebuild.swap("9").unwrap();
    assert_eq!((found(&index, "old"), found(&index, "new"), index.len()), (vec![], vec![1], 3));
    assert_eq!((found(&index, "first"), found(&index, "second")), (vec![], vec![5]));
    assert_eq!((index.cursor().as_deref(), old.exists(), generations(folder.path())), (Some("9"), false, 1));
    index.apply(vec![Change::Put(document(7, "fourth", ""))], "10").unwrap();
    drop(index);
    let again = Index::open(folder.path()).unwrap();
    assert_eq!((again.cursor.as_deref(), again.index.len()), (Some("10"), 4));
}

#[test]
fn an_abandoned_rebuild_is_deleted() {
    let (folder, index) = index_of_titles(&["printer"]);
    let (one, two) = (index.rebuild().unwrap(), index.rebuild().unwrap());
    one.put(vec![document(8, "x", "")]).unwrap();
    drop(one);
    assert_eq!(generations(folder.path()), 2);
    two.put(vec![document(9, "camera", "")]).unwrap();
    two.swap("2").unwrap();
    assert_eq!((generations(folder.path()), found(&index, "camera"), index.len()), (1, vec![9], 1));
}

#[test]
fn readers_continue_during_writes_and_swaps() {
    let (_folder, index) = index_of_titles(&["printer one"]);
    let done = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let index = index.clone();
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(found(&index, "printer"), [1]);
                    assert_eq!(crate::similar(&index, "printer", "").len(), 1);
                }
            });
        }
        for round in 0..8_u128 {
            index.apply(vec![Change::Put(document(100 + round, "other", ""))], "a").unwrap();
            let rebuild = index.rebuild().unwrap();
            rebuild.put(vec![document(1, "printer again", "")]).unwrap();
            rebuild.swap("b").unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(index.len(), 1);
}

#[test]
fn two_indexes_are_independent() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, two) = (open(one.path()), open(two.path()));
    one.apply(vec![Change::Put(document(1, "printer", ""))], "1").unwrap();
    assert_eq!((one.len(), two.len()), (1, 0));
}
