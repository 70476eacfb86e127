//! The health report of a month as a file: a printable HTML page or a workbook, both with the same tables.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{escapes, final_at, health};
use crate::calendar::model::Organisation;
use crate::catalogue;
use crate::catalogue::model::{CatalogueSnapshot, Kind};
use crate::kernel::{CardId, Error, Locale, Message, Result, TicketId, Timestamp, UserId, boxed};
use crate::knowledge;
use crate::knowledge::decide::cause_label;
use crate::knowledge::model::Source;
use crate::metrics::decide::{interval_at, month};
use crate::metrics::model::{Interval, Period, Tally};
use crate::msg;
use crate::notifications::model::Settings as Notifications;
use crate::people;
use crate::people::model::User;
use crate::reports::decide;
use crate::reports::model::{
    Cause, CellValue, Escape, Heading, Health, MonthlyReport, Pending, ReportFile, ReportFormat, ReportRenderer,
    Settings, Sheet,
};
use crate::runtime::Ctx;
use crate::tickets;

/// Maximum number of rows of a table.
const ROWS_MAX: usize = 100;

/// The report of a month in every format, in the organisation's language.
pub async fn monthly_report(cx: &Ctx, month_text: &str) -> Result<MonthlyReport> {
    let language = cx.app.state::<Notifications>().locale();
    // Before the figures are read: a window that ends meanwhile leaves the report provisional.
    let is_final = cx.now() >= final_at(cx, month(month_text, &cx.app.state::<Organisation>().zone)?);
    let mut files = Vec::new();
    for format in ReportFormat::ALL {
        files.push(file(cx, month_text, format, language).await?);
    }
    Ok(MonthlyReport { files, is_final })
}

/// The report of a month, within what the actor may see.
#[boxed]
pub async fn file(cx: &Ctx, month_text: &str, format: ReportFormat, language: Locale) -> Result<ReportFile> {
    let zone = cx.app.state::<Organisation>().zone.clone();
    let period = month(month_text, &zone)?;
    let health = health(cx, period).await?;
    let quarter = interval_at(period.from, Interval::Quarter, &zone);
    let escapes = match quarter {
        Some(quarter) => escapes(cx, quarter).await?,
        None => Vec::new(),
    };
    let names = Names::load(cx, &health, &escapes, language).await?;
    let sheets = names.sheets(&health, &escapes, cx.app.state::<Settings>());
    let name = format!("health-report-{month_text}");
    let heading = names.heading(month_text, period, &zone, cx, &health);
    let renderer = *cx.app.state::<ReportRenderer>();
    // Compression blocks a thread for a while.
    let render = move || match format {
        ReportFormat::Html => {
            Ok((format!("{name}.html"), "text/html; charset=utf-8", (renderer.html)(&heading, &sheets).into_bytes()))
        }
        ReportFormat::Xlsx => {
            let media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
            Ok::<_, Error>((format!("{name}.xlsx"), media, (renderer.xlsx)(&sheets)?))
        }
    };
    let (name, media_type, content) = tokio::task::spawn_blocking(render).await.map_err(Error::internal)??;
    Ok(ReportFile { format: format.as_str().to_owned(), name, media_type: media_type.to_owned(), content })
}

/// Names of everything that the report mentions, in one language.
struct Names {
    language: Locale,
    known: Arc<CatalogueSnapshot>,
    users: HashMap<UserId, Arc<User>>,
    cases: HashMap<TicketId, String>,
    cards: HashMap<CardId, String>,
}

impl Names {
    async fn load(cx: &Ctx, health: &Health, escapes: &[Escape], language: Locale) -> Result<Self> {
        let contributors = health.contributions.iter().take(ROWS_MAX).map(|contribution| contribution.user);
        let users = contributors.chain(escapes.iter().flat_map(|escape| escape.owners.iter().copied())).collect();
        let (mut cases, mut cards) = (Vec::new(), Vec::new());
        for solution in health.solutions.iter().take(ROWS_MAX) {
            match solution.source {
                Source::Case(case) => cases.push(case),
                Source::Card(card) => cards.push(card),
            }
        }
        let cases = tickets::queries::views_by_id(cx, cases).await?;
        let cards = knowledge::queries::by_ids(cx, &cards).await?;
        Ok(Self {
            language,
            known: catalogue::queries::cached(&cx.app).await?,
            users: people::queries::cached_users(&cx.app, users).await?,
            cases: cases
                .into_iter()
                .map(|(id, view)| (id, format!("#{} {}", view.ticket.number, view.ticket.request.title)))
                .collect(),
            cards: cards.into_iter().map(|(id, ranked)| (id, ranked.card.text.title)).collect(),
        })
    }

    fn text(&self, message: &Message) -> String {
        message.text(self.language)
    }

    fn user(&self, id: UserId) -> String {
        self.users.get(&id).map(|user| user.name.clone()).unwrap_or_default()
    }

    fn cause(&self, cause: &Cause) -> String {
        let Cause { fault_type, root_cause_level, cause_tag, product } = cause;
        let tag = cause_tag.as_deref();
        cause_label(&self.known, self.language, product.as_deref(), *fault_type, *root_cause_level, tag)
    }

    fn heading(&self, month: &str, period: Period, zone: &TimeZone, cx: &Ctx, health: &Health) -> Heading {
        let day = |at: Timestamp| at.to_jiff().to_zoned_datetime(zone.clone()).date().to_string();
        let (from, to, made) = (day(period.from), day(period.to), day(cx.now()));
        let zone = zone.iana_name().unwrap_or("UTC");
        let Health { resolved, unattributed, .. } = health;
        let mut lines = vec![
            self.text(&msg!(
                "reports-scope",
                from = from,
                to = to,
                time_zone = zone,
                resolved = resolved,
                unattributed = unattributed
            )),
            self.text(&msg!("reports-made-on", date = made)),
        ];
        let final_at = final_at(cx, period);
        if cx.now() < final_at {
            let Pending { tickets, surveys } = health.pending();
            lines.push(self.text(&msg!(
                "reports-provisional",
                tickets = tickets,
                surveys = surveys,
                date = day(final_at)
            )));
        }
        Heading {
            title: self.text(&msg!("reports-title", month = month)),
            lines,
            language: self.language.as_str().to_owned(),
        }
    }

    fn sheets(&self, health: &Health, escapes: &[Escape], targets: &Settings) -> Vec<Sheet> {
        vec![
            self.figures(health, targets),
            self.causes(health),
            self.contributions(health),
            self.solutions(health),
            self.escapes(escapes, targets),
        ]
    }

    fn figures(&self, health: &Health, targets: &Settings) -> Sheet {
        let row = |(figure, tally, target, less): (Message, Tally, f64, bool)| {
            let met = tally.value().map(|value| if less { value <= target } else { value >= target });
            let verdict = match met {
                Some(true) => self.text(&msg!("reports-verdict-met")),
                Some(false) => self.text(&msg!("reports-verdict-missed")),
                None => self.text(&msg!("reports-verdict-none")),
            };
            let verdict = if tally.is_provisional() {
                self.text(&msg!("reports-verdict-provisional", verdict = verdict, pending = tally.pending))
            } else {
                verdict
            };
            let bound = if less { "≤" } else { "≥" };
            vec![
                CellValue::Text(self.text(&figure)),
                tally.value().map_or(CellValue::Empty, CellValue::Share),
                CellValue::of(tally.met),
                CellValue::of(tally.denominator()),
                CellValue::of(tally.pending),
                CellValue::Text(format!("{bound} {:.0} %", target * 100.0)),
                CellValue::Text(verdict),
            ]
        };
        let rows = [
            (
                msg!("reports-figure-root-cause-convergence"),
                health.root_cause_convergence,
                targets.root_cause_convergence_target,
                false,
            ),
            (msg!("reports-figure-solution-reuse"), health.solution_reuse, targets.solution_reuse_target, false),
            (msg!("reports-figure-l3-escape"), health.l3_escape, targets.l3_escape_target, true),
            (msg!("reports-figure-recurrence"), health.recurrence, targets.recurrence_target, true),
            (msg!("reports-figure-link-rate"), health.link_rate, targets.link_rate_target, false),
            (msg!("reports-figure-satisfaction"), health.csat, targets.csat_target, false),
            (msg!("reports-figure-response-rate"), health.response_rate, targets.response_rate_target, false),
        ];
        Sheet {
            name: self.text(&msg!("reports-section-figures")),
            columns: self.columns(&[
                msg!("reports-column-figure"),
                msg!("reports-column-value"),
                msg!("reports-column-numerator"),
                msg!("reports-column-denominator"),
                msg!("reports-column-pending"),
                msg!("reports-column-target"),
                msg!("reports-column-verdict"),
            ]),
            rows: rows.into_iter().map(row).collect(),
        }
    }

    fn columns(&self, names: &[Message]) -> Vec<String> {
        names.iter().map(|name| self.text(name)).collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of tickets")]
    fn causes(&self, health: &Health) -> Sheet {
        let attributed = health.resolved.saturating_sub(health.unattributed).max(1);
        let rows = health.causes.iter().take(ROWS_MAX).map(|row| {
            let share = row.count as f64 / attributed as f64;
            vec![CellValue::Text(self.cause(&row.cause)), CellValue::of(row.count), CellValue::Share(share)]
        });
        Sheet {
            name: self.text(&msg!("reports-section-causes")),
            columns: self.columns(&[
                msg!("reports-column-cause"),
                msg!("reports-column-tickets"),
                msg!("reports-column-share"),
            ]),
            rows: rows.collect(),
        }
    }

    fn contributions(&self, health: &Health) -> Sheet {
        let rows = health.contributions.iter().take(ROWS_MAX).map(|row| {
            vec![
                CellValue::Text(self.user(row.user)),
                CellValue::of(row.citations),
                CellValue::of(row.cited_cases),
                CellValue::of(row.cards),
            ]
        });
        Sheet {
            name: self.text(&msg!("reports-section-contributions")),
            columns: self.columns(&[
                msg!("reports-column-engineer"),
                msg!("reports-column-citations"),
                msg!("reports-column-cited-cases"),
                msg!("reports-column-cards"),
            ]),
            rows: rows.collect(),
        }
    }

    fn solutions(&self, health: &Health) -> Sheet {
        let rows = health.solutions.iter().take(ROWS_MAX).map(|row| {
            let (kind, title) = match row.source {
                Source::Case(case) => (self.text(&msg!("reports-kind-case")), self.cases.get(&case)),
                Source::Card(card) => (self.text(&msg!("reports-kind-card")), self.cards.get(&card)),
            };
            let title = title.cloned().unwrap_or_else(|| self.text(&msg!("reports-solution-hidden")));
            vec![CellValue::Text(title), CellValue::Text(kind), CellValue::of(row.citing)]
        });
        Sheet {
            name: self.text(&msg!("reports-section-solutions")),
            columns: self.columns(&[
                msg!("reports-column-solution"),
                msg!("reports-column-kind"),
                msg!("reports-column-cited-by"),
            ]),
            rows: rows.collect(),
        }
    }

    fn escapes(&self, escapes: &[Escape], targets: &Settings) -> Sheet {
        let share = |tally: Tally| tally.value().map_or(CellValue::Empty, CellValue::Share);
        let rows = escapes.iter().take(ROWS_MAX).map(|row| {
            let change = decide::change(row.current, row.previous);
            let met = change.map(|change| change <= targets.escape_change_target);
            vec![
                CellValue::Text(self.known.entry_name(Kind::Product, &row.product, self.language)),
                CellValue::Text(row.owners.iter().map(|owner| self.user(*owner)).collect::<Vec<_>>().join(", ")),
                share(row.previous),
                share(row.current),
                CellValue::Text(change.map(|change| format!("{:+.0} %", change * 100.0)).unwrap_or_default()),
                CellValue::Text(format!("{:+.0} %", targets.escape_change_target * 100.0)),
                CellValue::Text(match met {
                    Some(true) => self.text(&msg!("reports-verdict-met")),
                    Some(false) => self.text(&msg!("reports-verdict-missed")),
                    None => String::new(),
                }),
            ]
        });
        Sheet {
            name: self.text(&msg!("reports-section-l3-escape")),
            columns: self.columns(&[
                msg!("reports-column-product"),
                msg!("reports-column-owners"),
                msg!("reports-column-quarter-before"),
                msg!("reports-column-this-quarter"),
                msg!("reports-column-change"),
                msg!("reports-column-target"),
                msg!("reports-column-verdict"),
            ]),
            rows: rows.collect(),
        }
    }
}
