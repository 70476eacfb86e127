//! kill -9 at any moment leaves documents and cursor in agreement.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use search::{Change, Index};

use crate::{document, found, id};

/// Set for the process that is to be killed: the folder it writes to.
const FOLDER: &str = "SEARCH_CRASH_FOLDER";
/// Documents that stand at a time: each step puts one and removes the oldest.
const WINDOW: u128 = 20;
const ROUNDS: usize = 12;

/// Steps on from wherever the index stands, saying each step, until it is killed.
fn step_for_ever(folder: &Path) {
    let opened = Index::open(folder).unwrap();
    let mut step: u128 = opened.cursor.map_or(0, |cursor| cursor.parse().unwrap());
    loop {
        step += 1;
        let mut changes = vec![Change::Put(document(step, &format!("step{step} printer"), "打印机"))];
        changes.extend(step.checked_sub(WINDOW).map(|old| Change::Remove(id(old))));
        say("begun", step);
        opened.index.apply(changes, &step.to_string()).unwrap();
        say("done", step);
    }
}

fn say(word: &str, step: u128) {
    // Past the test's capture of output; without a reader there is nobody to step for.
    if writeln!(std::io::stderr(), "{word} {step}").is_err() {
        std::process::exit(0);
    }
}

#[test]
fn kill_9_leaves_all_or_nothing() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        step_for_ever(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut stood: u128 = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["crash::kill_9_leaves_all_or_nothing", "--exact", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Kept until it is dead: a closed pipe would end it more gently.
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut done = stood;
        // Now within a step, now between two; how far it got by the time the signal arrives is up to the machine.
        let word = if round % 3 == 2 { "done" } else { "begun" };
        for line in &mut lines {
            let Some((said, step)) = line.split_once(' ') else { continue };
            let Ok(step) = step.parse::<u128>() else { continue };
            if said == "done" {
                done = step;
            }
            if said == word && step >= stood + 2 + round as u128 {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let opened = Index::open(folder.path()).unwrap();
        assert_eq!(opened.note, None);
        let cursor: u128 = opened.cursor.unwrap_or_else(|| "0".to_owned()).parse().unwrap();
        assert!(cursor >= done, "step {done} was done, the cursor says {cursor}");
        let first = cursor.saturating_sub(WINDOW) + 1;
        assert_eq!(found(&opened.index, "打印机"), (first..=cursor).collect::<Vec<_>>());
        assert_eq!(found(&opened.index, &format!("step{cursor} ")), [cursor]);
        assert!(cursor > stood, "it got on");
        stood = cursor;
    }
}
