//! `buoy import`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use domain::import::model::{Progress, Refused, Summary};
use indicatif::{ProgressBar, ProgressStyle};

use super::control::{Answer, Request, request};
use crate::config::Config;
use crate::node::CannotStart;

#[derive(Args)]
pub struct Import {
    /// CSV or JSON Lines, plain or gzip.
    file: PathBuf,
    /// The map of its columns and words (see maps/).
    #[arg(long)]
    map: PathBuf,
    /// Does everything but keep it.
    #[arg(long)]
    dry_run: bool,
    /// Where refused rows are written, as JSON Lines; by default beside the current folder's other files, named after FILE.
    #[arg(long)]
    refused: Option<PathBuf>,
}

/// Refused rows shown on the screen; all of them are in the file.
const SHOWN_MAX: u64 = 10;

pub async fn run(config: Config, args: Import) -> Result<ExitCode, CannotStart> {
    let Import { file, map, dry_run, refused } = args;
    let at = |path: &Path, e: std::io::Error| CannotStart(format!("{}: {e}", path.display()));
    let map = std::fs::read_to_string(&map).map_err(|e| at(&map, e))?;
    let bytes = std::fs::metadata(&file).map_err(|e| at(&file, e))?.len();
    let mut screen = Screen::new(bytes, refused.unwrap_or_else(|| beside(&file)));
    request(&config, Request::Import { map, dry_run }, Some(file), |answer| screen.show(answer)).await?;
    screen.end()
}

fn beside(file: &Path) -> PathBuf {
    let name = file.file_name().map_or_else(|| "import".into(), std::ffi::OsStr::to_string_lossy);
    PathBuf::from(format!("{name}.refused.jsonl"))
}

struct Screen {
    bar: ProgressBar,
    bytes: u64,
    writing: bool,
    report: PathBuf,
    out: Option<std::io::BufWriter<std::fs::File>>,
    shown: u64,
    outcome: Option<Result<Summary, String>>,
}

impl Screen {
    fn new(bytes: u64, report: PathBuf) -> Self {
        let bar = ProgressBar::new(bytes);
        bar.set_style(style("reading {bar:32} {percent:>3}% · {msg} · {eta} left"));
        Self { bar, bytes, writing: false, report, out: None, shown: 0, outcome: None }
    }

    fn show(&mut self, answer: Answer) {
        match answer {
            Answer::Progress(Progress::Reading { done, rows }) => {
                self.bar.set_position(done.min(self.bytes));
                self.bar.set_message(format!("{rows} rows"));
            }
            Answer::Progress(Progress::Writing { done, of }) => {
                if !self.writing {
                    self.writing = true;
                    self.bar.set_style(style("writing {bar:32} {percent:>3}% · {msg} · {eta} left"));
                    self.bar.set_length(of);
                    self.bar.reset();
                }
                self.bar.set_position(done);
                self.bar.set_message(format!("{done} of {of} tickets"));
            }
            Answer::Refused(refused) => self.refuse(&refused),
            Answer::Imported(summary) => self.outcome = Some(Ok(summary)),
            Answer::Failed(reason) => self.outcome = Some(Err(reason)),
            _ => {}
        }
    }

    fn refuse(&mut self, refused: &Refused) {
        let Refused { line, id, reason } = refused;
        self.shown += 1;
        if self.shown <= SHOWN_MAX {
            let of = id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
            self.bar.println(format!("refused: line {line}{of}: {reason}"));
        }
        if self.out.is_none() {
            match std::fs::File::create(&self.report) {
                Ok(file) => self.out = Some(std::io::BufWriter::new(file)),
                Err(e) => self.bar.println(format!("{}: {e}", self.report.display())),
            }
        }
        if let (Some(out), Ok(line)) = (&mut self.out, serde_json::to_string(refused)) {
            let _ = writeln!(out, "{line}");
        }
    }

    fn end(mut self) -> Result<ExitCode, CannotStart> {
        self.bar.finish_and_clear();
        if let Some(out) = &mut self.out {
            out.flush().map_err(|e| CannotStart(format!("{}: {e}", self.report.display())))?;
        }
        let summary = match self.outcome {
            Some(Ok(summary)) => summary,
            Some(Err(reason)) => return Err(CannotStart(reason)),
            None => return Err(CannotStart("the server went away before the import had ended: run it again, what is in stays and nothing comes twice".to_owned())),
        };
        let Summary { rows, tickets, created, updated, unchanged, events, refused, dry_run } = summary;
        println!(
            "{}{rows} rows, {tickets} tickets: {created} created, {updated} updated, {unchanged} unchanged; \
             {events} events; {refused} refused",
            if dry_run { "dry run, nothing was kept: " } else { "" }
        );
        if refused > 0 {
            println!("every refused row with its line and reason: {}", self.report.display());
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
