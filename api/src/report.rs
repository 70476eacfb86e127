//! The health report of a month as a file to send: a page that prints well, or a workbook. The same tables are in both.

use std::collections::HashMap;
use std::sync::Arc;

use domain::catalogue::model::{Everything, Kind};
use domain::kernel::{CardId, Error, Result, TicketId, UserId};
use domain::knowledge::model::Source;
use domain::metrics::decide::{around, month};
use domain::metrics::model::{Interval, Period, Settings as Metrics, Tally};
use domain::notifications::model::{Settings as Notifications, Tongue};
use domain::people::model::User;
use domain::reports::model::{Cause, Escape, Health, Made, Press, Settings, Targets};
use domain::reports::{decide, queries};
use domain::runtime::Ctx;
use domain::tickets::model::{FaultType, RootCauseLevel};
use futures::FutureExt as _;
use jiff::tz::TimeZone;

use crate::export::{self, Head, Sheet, Value};
use crate::language::Language;

/// Rows of a table.
const ROWS_MAX: usize = 100;

/// What kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Html,
    Xlsx,
}

impl Format {
    const fn word(self) -> &'static str {
        match self {
            Self::Html => "HTML",
            Self::Xlsx => "XLSX",
        }
    }
}

/// The monthly job's: of everything, in the organisation's language, in both formats.
pub const PRESS: Press = Press(|cx, month| {
    async move {
        let language = match cx.app.state::<Notifications>().tongue {
            Tongue::Chinese => Language::ZhCn,
            Tongue::English => Language::En,
        };
        let mut made = Vec::new();
        for format in [Format::Html, Format::Xlsx] {
            made.push(file(&cx, &month, format, language).await?);
        }
        Ok(made)
    }
    .boxed()
});

/// The report of a month, of what somebody may see.
pub async fn file(cx: &Ctx, month_text: &str, format: Format, language: Language) -> Result<Made> {
    let zone = cx.app.state::<Metrics>().zone.clone();
    let period = month(month_text, &zone)?;
    let health = queries::health(cx, period).await?;
    let quarter = around(period.from, Interval::Quarter, &zone);
    let escapes = match quarter {
        Some(quarter) => queries::escapes(cx, quarter).await?,
        None => Vec::new(),
    };
    let names = Names::of(cx, &health, &escapes, language).await?;
    let sheets = names.sheets(&health, &escapes, cx.app.state::<Settings>().targets);
    let name = format!("health-report-{month_text}");
    let head = names.head(month_text, period, &zone, cx, &health);
    // Compressing keeps a thread busy for a while.
    let render = move || match format {
        Format::Html => {
            Ok((format!("{name}.html"), "text/html; charset=utf-8", export::html(&head, &sheets).into_bytes()))
        }
        Format::Xlsx => {
            let media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
            Ok::<_, Error>((format!("{name}.xlsx"), media, export::xlsx(&sheets)?))
        }
    };
    let (name, media_type, content) = tokio::task::spawn_blocking(render).await.map_err(Error::internal)??;
    Ok(Made { format: format.word().to_owned(), name, media_type: media_type.to_owned(), content })
}

/// The cause in words.
pub fn cause_words(
    known: &Everything,
    language: Language,
    product: Option<&str>,
    fault: FaultType,
    level: RootCauseLevel,
    tag: Option<&str>,
) -> String {
    let (fault, fault_zh) = match fault {
        FaultType::Hardware => ("hardware", "硬件"),
        FaultType::Software => ("software", "软件"),
        FaultType::Configuration => ("configuration", "配置"),
        FaultType::Operation => ("operation", "操作"),
    };
    let (level, level_zh) = match level {
        RootCauseLevel::L1UserError => ("user error (L1)", "使用错误（L1）"),
        RootCauseLevel::L2Environment => ("environment (L2)", "环境因素（L2）"),
        RootCauseLevel::L3DesignDefect => ("design defect (L3)", "设计缺陷（L3）"),
    };
    let mut said: Vec<String> =
        product.map(|key| entry_name(known, language, Kind::Product, key)).into_iter().collect();
    said.push(language.name(fault, Some(fault_zh)).to_owned());
    said.push(language.name(level, Some(level_zh)).to_owned());
    said.extend(tag.map(|key| entry_name(known, language, Kind::CauseTag, key)));
    said.join(" · ")
}

/// The name of a catalogue entry; its key where there is none.
pub fn entry_name(known: &Everything, language: Language, kind: Kind, key: &str) -> String {
    let entry = known.entries.iter().find(|entry| entry.kind == kind && entry.key == key);
    entry.map_or_else(|| key.to_owned(), |entry| language.name(&entry.name, entry.name_zh.as_deref()).to_owned())
}

/// What the report names.
struct Names {
    language: Language,
    known: Arc<Everything>,
    users: HashMap<UserId, Arc<User>>,
    cases: HashMap<TicketId, String>,
    cards: HashMap<CardId, String>,
}

impl Names {
    async fn of(cx: &Ctx, health: &Health, escapes: &[Escape], language: Language) -> Result<Self> {
        let contributors = health.contributions.iter().take(ROWS_MAX).map(|of| of.user);
        let users = contributors.chain(escapes.iter().flat_map(|of| of.owners.iter().copied())).collect();
        let (mut cases, mut cards) = (Vec::new(), Vec::new());
        for solution in health.solutions.iter().take(ROWS_MAX) {
            match solution.source {
                Source::Case(case) => cases.push(case),
                Source::Card(card) => cards.push(card),
            }
        }
        let cases = domain::tickets::queries::views_by_id(cx, cases).await?;
        let cards = domain::knowledge::queries::by_ids(cx, &cards).await?;
        Ok(Self {
            language,
            known: domain::catalogue::queries::everything(&cx.app).await?,
            users: domain::people::queries::kept(&cx.app, users).await?,
            cases: cases
                .into_iter()
                .map(|(id, view)| (id, format!("#{} {}", view.ticket.number, view.ticket.title)))
                .collect(),
            cards: cards.into_iter().map(|(id, ranked)| (id, ranked.card.text.title)).collect(),
        })
    }

    fn say(&self, en: &str, zh: &str) -> String {
        self.language.name(en, Some(zh)).to_owned()
    }

    fn user(&self, id: UserId) -> String {
        self.users.get(&id).map(|user| user.name.clone()).unwrap_or_default()
    }

    fn cause(&self, cause: &Cause) -> String {
        let Cause { fault_type, root_cause_level, cause_tag, product } = cause;
        let tag = cause_tag.as_deref();
        cause_words(&self.known, self.language, product.as_deref(), *fault_type, *root_cause_level, tag)
    }

    fn head(&self, month: &str, period: Period, zone: &TimeZone, cx: &Ctx, health: &Health) -> Head {
        let day = |at: domain::kernel::Timestamp| at.to_jiff().to_zoned_datetime(zone.clone()).date().to_string();
        let (from, to, made) = (day(period.from), day(period.to), day(cx.now()));
        let zone = zone.iana_name().unwrap_or("UTC");
        let Health { resolved, unattributed, .. } = health;
        Head {
            title: self.say(&format!("Health report {month}"), &format!("工单健康度报告 {month}")),
            lines: vec![
                self.say(
                    &format!("Tickets first resolved from {from} until before {to} ({zone}): {resolved}, of them {unattributed} without attribution."),
                    &format!("统计范围：{from} 起、{to} 前首次解决的工单（{zone}），共 {resolved} 张，其中未归因 {unattributed} 张。"),
                ),
                self.say(
                    &format!("Made on {made}, of what its reader may see. Merged and cancelled tickets count nowhere."),
                    &format!("生成日期：{made}，仅包含读者有权查看的数据；已合并与已取消的工单不计。"),
                ),
            ],
            language: self.language.name("en", Some("zh-CN")).to_owned(),
        }
    }

    fn sheets(&self, health: &Health, escapes: &[Escape], targets: Targets) -> Vec<Sheet> {
        vec![
            self.figures(health, targets),
            self.causes(health),
            self.contributions(health),
            self.solutions(health),
            self.escapes(escapes, targets),
        ]
    }

    fn figures(&self, health: &Health, targets: Targets) -> Sheet {
        let row = |(en, zh, tally, target, less): (&str, &str, Tally, f64, bool)| {
            let met = tally.value().map(|value| if less { value <= target } else { value >= target });
            let verdict = match met {
                Some(true) => self.say("met", "达标"),
                Some(false) => self.say("missed", "未达标"),
                None => self.say("nothing counts", "无数据"),
            };
            let bound = if less { "≤" } else { "≥" };
            vec![
                Value::Text(self.say(en, zh)),
                tally.value().map_or(Value::Empty, Value::Share),
                Value::of(tally.met),
                Value::of(tally.denominator()),
                Value::of(tally.pending),
                Value::Text(format!("{bound} {:.0} %", target * 100.0)),
                Value::Text(verdict),
            ]
        };
        let rows = [
            (
                "Root-cause convergence: the three most frequent causes",
                "根因收敛率（前三大根因占比）",
                health.root_cause_convergence,
                targets.root_cause_convergence,
                false,
            ),
            (
                "Solution reuse: cited by three other tickets or more",
                "方案复用率（被 3 张及以上其他工单引用）",
                health.solution_reuse,
                targets.solution_reuse,
                false,
            ),
            ("L3 escape: design defects", "L3 逃逸率（设计缺陷占比）", health.l3_escape, targets.l3_escape, true),
            (
                "Recurrence: same customer or device, fault and cause within 30 days",
                "复发率（30 天内同客户或同设备、同故障同根因）",
                health.recurrence,
                targets.recurrence,
                true,
            ),
            (
                "Link rate: tickets that cite",
                "引用率（引用案例或卡片的工单）",
                health.link_rate,
                targets.link_rate,
                false,
            ),
            ("Satisfaction: rated 4 or 5", "满意度（评分 4 或 5）", health.csat, targets.csat, false),
            ("Response rate of surveys", "评价回收率", health.response_rate, targets.response_rate, false),
        ];
        Sheet {
            name: self.say("Figures", "指标"),
            columns: ["Figure", "Value", "Numerator", "Denominator", "Pending", "Target", "Verdict"]
                .into_iter()
                .zip(["指标", "数值", "分子", "分母", "待定", "目标", "结论"])
                .map(|(en, zh)| self.say(en, zh))
                .collect(),
            rows: rows.into_iter().map(row).collect(),
        }
    }

    fn columns(&self, names: &[(&str, &str)]) -> Vec<String> {
        names.iter().map(|(en, zh)| self.say(en, zh)).collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of tickets")]
    fn causes(&self, health: &Health) -> Sheet {
        let attributed = health.resolved.saturating_sub(health.unattributed).max(1);
        let rows = health.causes.iter().take(ROWS_MAX).map(|of| {
            let share = of.count as f64 / attributed as f64;
            vec![Value::Text(self.cause(&of.cause)), Value::of(of.count), Value::Share(share)]
        });
        Sheet {
            name: self.say("Causes", "根因"),
            columns: self.columns(&[("Cause", "根因"), ("Tickets", "工单数"), ("Share", "占比")]),
            rows: rows.collect(),
        }
    }

    fn contributions(&self, health: &Health) -> Sheet {
        let rows = health.contributions.iter().take(ROWS_MAX).map(|of| {
            vec![
                Value::Text(self.user(of.user)),
                Value::of(of.citations),
                Value::of(of.cited_cases),
                Value::of(of.cards),
            ]
        });
        Sheet {
            name: self.say("Contributions", "知识贡献"),
            columns: self.columns(&[
                ("Engineer", "工程师"),
                ("Citations", "被引用次数"),
                ("Cited cases", "被引用案例"),
                ("Cards", "知识卡片"),
            ]),
            rows: rows.collect(),
        }
    }

    fn solutions(&self, health: &Health) -> Sheet {
        let rows = health.solutions.iter().take(ROWS_MAX).map(|of| {
            let (kind, title) = match of.source {
                Source::Case(case) => (self.say("case", "案例"), self.cases.get(&case)),
                Source::Card(card) => (self.say("card", "卡片"), self.cards.get(&card)),
            };
            let title = title.cloned().unwrap_or_else(|| self.say("(not for you to see)", "（无权查看）"));
            vec![Value::Text(title), Value::Text(kind), Value::of(of.citing)]
        });
        Sheet {
            name: self.say("Solutions", "解决方案"),
            columns: self.columns(&[("Solution", "解决方案"), ("Kind", "类型"), ("Cited by", "引用工单数")]),
            rows: rows.collect(),
        }
    }

    fn escapes(&self, escapes: &[Escape], targets: Targets) -> Sheet {
        let share = |tally: Tally| tally.value().map_or(Value::Empty, Value::Share);
        let rows = escapes.iter().take(ROWS_MAX).map(|of| {
            let change = decide::change(of.current, of.previous);
            let met = change.map(|change| change <= targets.escape_change);
            vec![
                Value::Text(entry_name(&self.known, self.language, Kind::Product, &of.product)),
                Value::Text(of.owners.iter().map(|owner| self.user(*owner)).collect::<Vec<_>>().join(", ")),
                share(of.previous),
                share(of.current),
                Value::Text(change.map(|change| format!("{:+.0} %", change * 100.0)).unwrap_or_default()),
                Value::Text(format!("{:+.0} %", targets.escape_change * 100.0)),
                Value::Text(match met {
                    Some(true) => self.say("met", "达标"),
                    Some(false) => self.say("missed", "未达标"),
                    None => String::new(),
                }),
            ]
        });
        Sheet {
            name: self.say("L3 escape by product", "产品 L3 逃逸"),
            columns: self.columns(&[
                ("Product", "产品"),
                ("Owners", "负责人"),
                ("Quarter before", "上季度"),
                ("This quarter", "本季度"),
                ("Change", "变化"),
                ("Target", "目标"),
                ("Verdict", "结论"),
            ]),
            rows: rows.collect(),
        }
    }
}
