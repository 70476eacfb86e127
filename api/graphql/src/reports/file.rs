//! Health reports as files.

use async_graphql::{Context, Enum, Object};
use domain::reports::model::{self, ReportFile, ReportFileInfo};
use domain::reports::queries;

use super::super::error::OrTopLevel as _;
use super::super::guard::cx;
use super::super::heatmap::ExportFile;
use super::super::scalars::DateTime;

/// The file format of a report.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// A self-contained HTML page, suitable for printing.
    Html,
    /// A spreadsheet workbook.
    Xlsx,
}

impl From<ReportFormat> for model::ReportFormat {
    fn from(format: ReportFormat) -> Self {
        match format {
            ReportFormat::Html => Self::Html,
            ReportFormat::Xlsx => Self::Xlsx,
        }
    }
}

pub fn export_file(ReportFile { format: _, name, media_type, content }: ReportFile) -> ExportFile {
    ExportFile::of(name, media_type, &content)
}

/// A stored monthly report.
pub struct StoredReportNode(pub ReportFileInfo);

/// A monthly health report that was generated automatically, with all tickets; visible to administrators.
#[Object(name = "KeptReport")]
impl StoredReportNode {
    /// The month, such as `2026-10`.
    async fn month(&self) -> &str {
        &self.0.month
    }

    /// The file format: HTML or XLSX.
    async fn format(&self) -> &str {
        &self.0.format
    }

    /// The file name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether every window of the month was over when it was generated. A provisional report is generated again when
    /// they are, and replaced.
    async fn is_final(&self) -> bool {
        self.0.is_final
    }

    /// When the report was generated.
    async fn generated_at(&self) -> DateTime {
        self.0.made_at.into()
    }

    /// When the report was generated.
    #[graphql(deprecation = "Use generatedAt.")]
    async fn made_at(&self) -> DateTime {
        self.0.made_at.into()
    }

    /// The file; null while it is being generated again because content was redacted. Query it with `month`: the files
    /// of all months at once exceed the cost limit.
    #[graphql(complexity = "200 + child_complexity")]
    async fn file(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<ExportFile>> {
        let cx = cx(ctx);
        let ReportFileInfo { month, format, .. } = &self.0;
        Ok(queries::stored_file(cx, month, format).await.or_top_level(ctx)?.map(export_file))
    }
}
