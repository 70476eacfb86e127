//! After kill -9 at any moment, documents and cursor agree.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use search::{Change, Index};

use crate::{document, found, id};

/// Set for the child process: the folder it writes to.
const FOLDER: &str = "SEARCH_CRASH_FOLDER";
/// Documents in the index: each step adds one and removes the oldest.
const WINDOW: u128 = 20;
const ROUNDS: usize = 12;

/// Applies steps from the current cursor and reports each, until it is killed.
fn run_steps(folder: &Path) {
    let opened = Index::open(folder).unwrap();
    let mut step: u128 = opened.cursor.map_or(0, |cursor| cursor.parse().unwrap());
    loop {
        step += 1;
        let mut changes = vec![Change::Put(document(step, &format!("step{step} printer"), "打印机"))];
        changes.extend(step.checked_sub(WINDOW).map(|old| Change::Remove(id(old))));
        report_step("begun", step);
        opened.index.apply(changes, &step.to_string()).unwrap();
        report_step("done", step);
    }
}

fn report_step(word: &str, step: u128) {
    // Directly to stderr, past the test's capture. Without a reader the parent is gone.
    if writeln!(std::io::stderr(), "{word} {step}").is_err() {
        std::process::exit(0);
    }
}

#[test]
fn kill_9_leaves_all_or_nothing() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        run_steps(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut previous: u128 = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["crash::kill_9_leaves_all_or_nothing", "--exact", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Kept open until the child is dead: a closed pipe would end it gracefully.
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut done = previous;
        // Alternates between a kill within a step and one between two steps; the exact moment depends on the machine.
        let word = if round % 3 == 2 { "done" } else { "begun" };
        for line in &mut lines {
            let Some((reported, step)) = line.split_once(' ') else { continue };
            let Ok(step) = step.parse::<u128>() else { continue };
            if reported == "done" {
                done = step;
            }
            if reported == word && step >= previous + 2 + round as u128 {
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
        assert!(cursor > previous, "it got on");
        previous = cursor;
    }
}
