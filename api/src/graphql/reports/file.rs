//! The health report as a file.

use async_graphql::{Context, Enum, Object};
use domain::reports::model::{Kept, Made};
use domain::reports::queries;

use super::super::Caller;
use super::super::error::OrTopLevel as _;
use super::super::heatmap::ExportFile;
use super::super::scalars::DateTime;
use crate::report;

/// What kind of file a report is.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// A page by itself that prints well.
    Html,
    /// A workbook.
    Xlsx,
}

impl From<ReportFormat> for report::Format {
    fn from(format: ReportFormat) -> Self {
        match format {
            ReportFormat::Html => Self::Html,
            ReportFormat::Xlsx => Self::Xlsx,
        }
    }
}

pub fn exported(Made { format: _, name, media_type, content }: Made) -> ExportFile {
    ExportFile::of(name, media_type, &content)
}

/// A health report that was made by itself, of everything.
pub struct KeptReport(pub Kept);

#[Object]
impl KeptReport {
    /// The month, such as `2026-10`.
    async fn month(&self) -> &str {
        &self.0.month
    }

    /// What kind of file: HTML or XLSX.
    async fn format(&self) -> &str {
        &self.0.format
    }

    /// Of the file.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// When it was made.
    async fn made_at(&self) -> DateTime {
        self.0.made_at.into()
    }

    /// What is in it; null while it is made anew, because something in it was redacted. Ask for it with `month`: of all of them at once it
    /// costs too much.
    #[graphql(complexity = "200 + child_complexity")]
    async fn file(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<ExportFile>> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let Kept { month, format, .. } = &self.0;
        Ok(queries::kept_file(cx, month, format).await.or_top_level(ctx)?.map(exported))
    }
}
