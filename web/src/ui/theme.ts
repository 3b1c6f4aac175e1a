// One accent, one neutral scale, one rhythm of spacing. Filled shades keep 4.5:1 under white text in both schemes.
import { createTheme, type MantineColorsTuple } from "@mantine/core";

const petrol: MantineColorsTuple = [
  "#ecf7f7",
  "#d8ecec",
  "#b0dada",
  "#84c6c7",
  "#5fb3b5",
  "#3f9fa2",
  "#258b8f",
  "#127a7f",
  "#0b6b70",
  "#07565a",
];

const ink: MantineColorsTuple = [
  "#e3e8ea",
  "#c3ccd0",
  "#9daab0",
  "#7f8e95",
  "#45535a",
  "#35424a",
  "#26323a",
  "#1b252c",
  "#141c22",
  "#0f161b",
];

const fonts =
  '"Inter Variable", "Vazirmatn Variable", "Noto Sans Hebrew Variable", system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif';

export const theme = createTheme({
  primaryColor: "petrol",
  primaryShade: { light: 8, dark: 7 },
  colors: { petrol, dark: ink },
  autoContrast: true,
  fontFamily: fonts,
  fontFamilyMonospace: 'ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", Menlo, monospace',
  headings: { fontFamily: fonts, fontWeight: "650" },
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Tooltip: { defaultProps: { openDelay: 250, withArrow: true, events: { hover: true, focus: true, touch: false } } },
    Badge: { defaultProps: { variant: "light", radius: "sm" } },
    ActionIcon: { defaultProps: { variant: "subtle", size: 34 } },
    Select: { defaultProps: { checkIconPosition: "right", allowDeselect: false } },
    Switch: { defaultProps: { withThumbIndicator: false } },
    Menu: { defaultProps: { shadow: "md", radius: "md" } },
  },
});
