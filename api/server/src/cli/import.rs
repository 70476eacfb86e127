//! `buoy import`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use domain::import::model::{MapNote, PartialTicket, Progress, RejectedRow, Summary};
use domain::kernel::{Arg, Locale, Message};
use domain::msg;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::control::{request, terminal_locale};
use super::protocol::{Request, Response};
use crate::config::Config;
use crate::node::StartupError;

#[derive(Args)]
pub struct Import {
    /// CSV or JSON Lines, plain or gzip, or an XLSX workbook.
    file: PathBuf,
    /// The import map: its columns and status values (see maps/).
    #[arg(long)]
    map: PathBuf,
    /// Does everything, then rolls back: shows what would be refused, and what would be left out.
    #[arg(long, visible_alias = "check")]
    dry_run: bool,
    /// Where refused rows and incomplete tickets are written, as JSON Lines; by default FILE.refused.jsonl in the current folder.
    #[arg(long)]
    refused: Option<PathBuf>,
}

/// A line of the report. Its texts are in English, whatever the language of the terminal.
#[derive(Serialize)]
struct ReportLine<'a> {
    line: u64,
    id: Option<&'a str>,
    /// The ticket was imported without something; otherwise the row or the ticket was refused.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    imported: bool,
    reason: String,
}

/// Refused rows, and tickets imported without something, that are shown on the screen; all of them are in the report.
const SHOWN_MAX: u64 = 10;

pub async fn run(config: Config, args: Import) -> Result<ExitCode, StartupError> {
    let Import { file, map, dry_run, refused } = args;
    let io_error = |path: &Path, e: std::io::Error| StartupError(format!("{}: {e}", path.display()));
    let map = std::fs::read_to_string(&map).map_err(|e| io_error(&map, e))?;
    let bytes = std::fs::metadata(&file).map_err(|e| io_error(&file, e))?.len();
    let mut view = ProgressView::new(bytes, refused.unwrap_or_else(|| default_report(&file)));
    request(&config, Request::Import { map, dry_run }, Some(file), |response| view.show(response)).await?;
    view.finish()
}

fn default_report(file: &Path) -> PathBuf {
    let name = file.file_name().map_or_else(|| "import".into(), std::ffi::OsStr::to_string_lossy);
    PathBuf::from(format!("{name}.refused.jsonl"))
}

struct ProgressView {
    bar: ProgressBar,
    bytes: u64,
    writing: bool,
    report: PathBuf,
    out: Option<std::io::BufWriter<std::fs::File>>,
    shown_refused: u64,
    shown_partial: u64,
    outcome: Option<Result<Summary, String>>,
}

impl ProgressView {
    fn new(bytes: u64, report: PathBuf) -> Self {
        let bar = ProgressBar::new(bytes);
        bar.set_style(style("reading {bar:32} {percent:>3}% · {msg} · {eta} left"));
        Self { bar, bytes, writing: false, report, out: None, shown_refused: 0, shown_partial: 0, outcome: None }
    }

    fn show(&mut self, response: Response) {
        match response {
            Response::Progress(Progress::Reading { done, rows }) => {
                self.bar.set_position(done.min(self.bytes));
                self.bar.set_message(format!("{rows} rows"));
            }
            Response::Progress(Progress::Writing { done, of }) => {
                if !self.writing {
                    self.writing = true;
                    self.bar.set_style(style("writing {bar:32} {percent:>3}% · {msg} · {eta} left"));
                    self.bar.set_length(of);
                    self.bar.reset();
                }
                self.bar.set_position(done);
                self.bar.set_message(format!("{done} of {of} tickets"));
            }
            Response::Refused(refused) => self.show_refused(&refused),
            Response::ImportedPartially(ticket) => self.show_partial(&ticket),
            Response::Imported(summary) => self.outcome = Some(Ok(summary)),
            Response::Failed(reason) => self.outcome = Some(Err(reason)),
            _ => {}
        }
    }

    fn show_refused(&mut self, refused: &RejectedRow) {
        let RejectedRow { line, id, reasons: _, leaves_gap: _ } = refused;
        self.shown_refused += 1;
        if self.shown_refused <= SHOWN_MAX {
            let of = id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
            let reason = refused.reason(terminal_locale());
            self.bar.println(format!("refused: line {line}{of}: {reason}"));
        }
        let reason = refused.reason(Locale::En);
        self.write(&ReportLine { line: *line, id: id.as_deref(), imported: false, reason });
    }

    fn show_partial(&mut self, ticket: &PartialTicket) {
        let PartialTicket { line, id, omissions } = ticket;
        for omission in omissions {
            let message = omission.message();
            self.shown_partial += 1;
            if self.shown_partial <= SHOWN_MAX {
                self.bar.println(format!("incomplete: line {line} ({id}): {}", message.text(terminal_locale())));
            }
            let reason = message.text(Locale::En);
            self.write(&ReportLine { line: *line, id: Some(id), imported: true, reason });
        }
    }

    fn write(&mut self, report: &ReportLine<'_>) {
        if self.out.is_none() {
            match std::fs::File::create(&self.report) {
                Ok(file) => self.out = Some(std::io::BufWriter::new(file)),
                Err(e) => self.bar.println(format!("{}: {e}", self.report.display())),
            }
        }
        if let (Some(out), Ok(line)) = (&mut self.out, serde_json::to_string(report)) {
            let _ = writeln!(out, "{line}");
        }
    }

    fn finish(mut self) -> Result<ExitCode, StartupError> {
        self.bar.finish_and_clear();
        if let Some(out) = &mut self.out {
            out.flush().map_err(|e| StartupError(format!("{}: {e}", self.report.display())))?;
        }
        let summary = match self.outcome {
            Some(Ok(summary)) => summary,
            Some(Err(reason)) => return Err(StartupError(reason)),
            None => {
                return Err(StartupError(
                    "the server stopped before the import was complete: run it again, nothing is imported twice"
                        .to_owned(),
                ));
            }
        };
        let is_failed = summary.is_failed();
        let left_out = left_out(&summary);
        let Summary { rows, tickets, created, updated, unchanged, events, refused, dry_run, .. } = summary;
        println!(
            "{}{rows} rows, {tickets} tickets: {created} created, {updated} updated, {unchanged} unchanged; \
             {events} events; {refused} refused",
            if dry_run { "dry run, nothing was kept: " } else { "" }
        );
        for message in left_out {
            println!("{}", message.text(terminal_locale()));
        }
        if self.out.is_some() {
            println!("All refused rows with line and reason: {}", self.report.display());
        }
        Ok(if is_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// What was not imported, or does not count in metrics.
fn left_out(summary: &Summary) -> Vec<Message> {
    let Summary { incomplete, unattributed, repeated, undated, shortened, taken, ref notes, .. } = *summary;
    let count = |count: u64| Arg::Number(i64::try_from(count).unwrap_or(i64::MAX));
    let counts = [
        (incomplete, msg!("import-summary-incomplete", count = count(incomplete))),
        (unattributed, msg!("import-summary-unattributed", count = count(unattributed))),
        (repeated, msg!("import-summary-repeated", count = count(repeated))),
        (undated, msg!("import-summary-undated", count = count(undated))),
        (shortened, msg!("import-summary-shortened", count = count(shortened))),
        (taken, msg!("import-summary-taken", count = count(taken))),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0).map(|(_, message)| message);
    notes.iter().map(MapNote::message).chain(counts).collect()
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
