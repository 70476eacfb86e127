/** The texts of the element in both languages; a value follows its text. Separate from the app's texts, to keep the script small. */

const EN = {
  title: 'Buoy: my to-dos',
  unread: 'unread / ',
  longest: 'Longest wait ',
  nothing: 'All caught up',
  more: 'Not shown: ',
  lost: 'Connection lost, reconnecting',
  alarm: 'No response: escalation',
  level: 'Escalation, level ',
  seen: 'Acknowledge',
  URGENT: 'Urgent',
  HIGH: 'High',
};

export type Messages = typeof EN;
export type Language = 'en' | 'zh-CN';

export const MESSAGES: Record<Language, Messages> = {
  en: EN,
  'zh-CN': {
    title: '浮标：我的待办',
    unread: '条未读 · 共 ',
    longest: '最长等待 ',
    nothing: '暂无待办',
    more: '未列出：',
    lost: '连接已断开，正在重连',
    alarm: '工单超时无人响应',
    level: '预警级别 ',
    seen: '知道了',
    URGENT: '紧急',
    HIGH: '高',
  },
};

/** The first of these languages that the element supports. */
export function pickLanguage(tags: readonly (string | null)[]): Language {
  const tag = tags.find((candidate) => candidate && /^(zh|en)\b/i.test(candidate));
  return tag && /^z/i.test(tag) ? 'zh-CN' : 'en';
}

/** A duration in its largest unit, as in the app. */
export function formatDuration(seconds: number, language: Language): string {
  const [size, unit] =
    seconds < 60 ? ([1, 'second'] as const)
    : seconds < 3_600 ? ([60, 'minute'] as const)
    : seconds < 172_800 ? ([3_600, 'hour'] as const)
    : ([86_400, 'day'] as const);
  const value = Math.max(0, Math.floor(seconds / size));
  const text = new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(value);
  return text.replace(/(\d)(?=\p{Script=Han})/u, '$1 ');
}
