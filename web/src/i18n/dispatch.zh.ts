import type { dispatch as en } from './dispatch.en';

/** Texts of dispatch and workload in Chinese; see `dispatch.en.ts`. */
export const dispatch: Record<keyof typeof en, string> = {
  'assignment.title': '分派依据',
  'assignment.chosen': '分派给 {name}',
  'assignment.queued': '暂无合适人员：自 {at} 起排队',
  'assignment.nobody': '暂无其他合适人员，由原负责人继续处理',
  'assignment.assignments': '自动分派 {count} 次',
  'score.skillMatch': '技能匹配',
  'score.openWork': '工作量',
  'ticket.product.recognised': '由文本中的“{term}”识别',
  'assignment.skills': '所需技能：{skills}',
  'assignment.skill': '{skill} {level} 级及以上（{source}）',
  'skillSource.GIVEN': '指定',
  'skillSource.ISSUE_TYPE': '问题类型',
  'skillSource.PRODUCT': '产品',
  'assignment.recognised': '产品由文本中的“{term}”识别',
  'assignment.ambiguous': '文本提到多个产品，未自动选择：{products}',
  'assignment.preferred': '没有可用人员具备问题类型和产品要求的全部技能，仅作优先条件。',
  'assignment.solved': '解决过 {numbers}',
  'score.similarCases': '解决过相似案例',
  'workload.of': '在办 {load} / {capacity} 分（约 {count} 张普通工单）',
  'workload.capacity': '{capacity} 分（约 {count} 张普通工单）',
  'workload.open': '在办工作量',
  'workload.points': '每张在办工单按优先级计分：紧急 4、高 3、普通 2、低 1；等待中的计 1 分。',
};
