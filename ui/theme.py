"""How the page looks: a quiet gallery wall, system fonts, one restrained accent."""

import gradio as gr
from gradio.themes.utils import colors

from ui import texts

# Indigo, thinned out. Ink and paper carry the page; this only says "here you can act".
_ACCENT = colors.Color(
    c50="#eef2f7", c100="#dde5ee", c200="#bccadc", c300="#94abc5", c400="#6c89aa",
    c500="#4c6c91", c600="#3a5678", c700="#2f4662", c800="#26394f", c900="#1e2d3e",
    c950="#141e2a", name="indigo_dye",
)  # fmt: skip
_PAPER = colors.Color(
    c50="#fbfaf7", c100="#f4f2ed", c200="#e6e2da", c300="#d1ccc1", c400="#a29c90",
    c500="#746f65", c600="#58544c", c700="#413e38", c800="#2a2824", c900="#1c1b18",
    c950="#121210", name="paper",
)  # fmt: skip

THEME = gr.themes.Base(
    primary_hue=_ACCENT,
    secondary_hue=_ACCENT,
    neutral_hue=_PAPER,
    radius_size=gr.themes.sizes.radius_sm,
    spacing_size=gr.themes.sizes.spacing_md,
    font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
    font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
).set(
    body_background_fill="*neutral_50",
    body_background_fill_dark="*neutral_950",
    body_text_color_subdued="*neutral_500",
    body_text_color_subdued_dark="*neutral_400",
    block_background_fill="transparent",
    block_background_fill_dark="transparent",
    block_border_width="0px",
    block_border_width_dark="0px",
    block_label_background_fill="transparent",
    block_label_background_fill_dark="transparent",
    block_label_border_width="0px",
    block_label_border_width_dark="0px",
    block_label_text_color="*neutral_500",
    block_label_text_color_dark="*neutral_400",
    block_shadow="none",
    block_padding="*spacing_sm",
    panel_background_fill="transparent",
    panel_background_fill_dark="transparent",
    input_background_fill="white",
    input_background_fill_dark="*neutral_900",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    button_primary_background_fill_dark="*primary_500",
    button_primary_background_fill_hover_dark="*primary_400",
    button_primary_text_color="white",
    button_secondary_background_fill="transparent",
    button_secondary_background_fill_dark="transparent",
    button_secondary_border_color="*neutral_300",
    button_secondary_border_color_dark="*neutral_700",
    button_border_width="1px",
    button_large_text_weight="500",
    button_large_text_size="*text_md",
    color_accent="*primary_600",
    link_text_color_dark="*primary_300",
    slider_color="*primary_500",
)

AWAY = "away"  # the class of what is in the page, but not seen
CSS = (
    f"""
.{AWAY} {{ display: none !important; }}
#folder [data-testid=upload-text]::after {{ content: "{texts.FOLDER_CLICK}"; }}
"""
    + """
.gradio-container { width: 100%; max-width: 1180px !important; margin: 0 auto !important; }
.gradio-container .tabs { width: 100%; }
.gradio-container [data-testid=status-tracker]:has(> .error) { display: none; }
.gradio-container .form { background: transparent; border: 0; box-shadow: none; }
.gradio-container img { image-rendering: pixelated; }
.dark { --color-accent: var(--primary-300); }
#title { padding: 1.4rem 0 .4rem; }
#title h1 { font-family: "Iowan Old Style", "Palatino Linotype", Palatino, Georgia, serif;
  font-weight: 500; font-size: 2rem; letter-spacing: .01em; margin: 0; }
#title p, .note, .quiet, .quiet p, .caption { color: var(--body-text-color-subdued); }
.quiet p, .note, .caption { font-size: .9rem; margin: 0; }
.note { padding-top: .4rem; }
.status h3 { font-weight: 500; font-size: 1.5rem; margin: 0; }
.status .line { font-variant-numeric: tabular-nums; margin: .3rem 0 .8rem; }
.bar { height: 6px; border-radius: 3px; background: var(--neutral-200); overflow: hidden; }
.dark .bar { background: var(--neutral-800); }
.bar div { height: 100%; background: var(--primary-500); transition: width .6s; }
.gradio-container .icon-button-wrapper { border: 0; border-radius: 4px; margin: 12px;
  background: var(--body-background-fill); }
#generate-grid { display: grid; gap: 1.2rem 2rem; grid-template-columns: minmax(240px, 1fr) 3fr;
  grid-template-rows: auto 1fr; grid-template-areas: "controls wall" "kept wall"; }
#controls { grid-area: controls; } #kept { grid-area: kept; } #wall { grid-area: wall; }
#generate-grid > * { min-width: 0 !important; }
#seed-row, #hub-row, #eyes-row { align-items: end; flex-wrap: nowrap; }
#hub-said:not(:has(p)), #eyes-said:not(:has(p)) { display: none; }
#hub-said p, #eyes-said p { margin: 0; overflow-wrap: anywhere; }
#feature-network label { max-width: 100%; }
#feature-network label span { overflow-wrap: anywhere; min-width: 0; }
#dice, #hub-fetch, #eyes-fetch { flex: 0 0 auto; min-width: 4.6rem !important; padding: .5rem .6rem;
  margin-bottom: 4px; }
#gallery .grid-wrap { max-height: none; overflow: visible; }
#gallery .grid-container { grid-template-columns: repeat(4, minmax(0, 1fr));
  grid-auto-rows: auto !important; }
#gallery button { border-radius: 2px; min-width: 0; min-height: 0; aspect-ratio: 1; }
#files, #folder { border: 2px dashed var(--neutral-300) !important; border-radius: 8px;
  padding: .6rem; }
.dark #files, .dark #folder { border-color: var(--neutral-700) !important; }
#folder [data-testid=upload-text] { font-size: 0; }
#folder [data-testid=upload-text]::after { font-size: var(--text-lg); }
#grids { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); }
#crops .grid-wrap { max-height: 470px; min-height: 0; height: auto; overflow-y: auto; }
#crops .grid-container { grid-template-columns: repeat(auto-fill, minmax(96px, 1fr)) !important;
  grid-auto-rows: auto !important; gap: 8px; }
#crops button { height: auto; aspect-ratio: auto; min-height: 0; min-width: 0; border: 0;
  border-radius: 2px; display: block; overflow: hidden; background: none; box-shadow: none; }
#crops button img { width: 100%; height: auto; aspect-ratio: 1; }
#crops .caption-label { position: static; display: block; max-width: 100%; width: 100%;
  padding: 2px 0 0; border: 0; background: none; box-shadow: none; text-align: left;
  white-space: pre; overflow: hidden; text-overflow: ellipsis; font-size: .7rem; line-height: 1.3;
  color: var(--body-text-color-subdued); }
#crops button.selected { outline: 2px solid var(--color-accent); outline-offset: 1px; }
#chosen { align-items: start; }
#chosen-picture img { max-height: 300px; object-fit: contain; }
#chosen-name { overflow-wrap: anywhere; }
#mirror-hint { margin-top: -1.2rem; }
#report img { display: block; }
#report .header-table *, #report .virtual-body * { font-family: var(--font); }
.dark input[type=range] { --neutral-200: var(--neutral-700); }
#charts .curve, #style-losses, #style-shares { overflow: visible !important;
  margin-bottom: 32px; }
.gradio-container { overflow: clip !important; }
#style-grid { display: grid; gap: 1.2rem 2rem; grid-template-columns: minmax(280px, 2fr) 5fr;
  align-items: start; }
#style-grid > * { min-width: 0 !important; }
#style-controls { gap: 6px; }

#style-grid img, #content img { image-rendering: auto; }
#stage { position: sticky; top: 12px; }
#live img, #before-after img { max-height: 78vh; object-fit: contain; }
.strip .grid-wrap { max-height: none; min-height: 0; height: auto; overflow: visible; }
.strip .grid-container { grid-template-columns: repeat(5, minmax(0, 1fr)) !important;
  grid-auto-rows: auto !important; gap: 6px; }
.strip button { aspect-ratio: 1; min-height: 0; min-width: 0; border-radius: 2px; }
#style-after, #mixing-row { align-items: end; }
#choice:not(:has(p)), #clock:not(:has(p)) { display: none; }
#network input { padding-right: 2rem; text-overflow: ellipsis; }
#estimate { align-self: flex-start; width: auto; }
#picked-picture { max-width: 320px; }
#time-row { align-items: end; }
#controls-row button { white-space: nowrap; flex: 0 0 auto; width: auto; }
#link-row label { color: var(--block-label-text-color); }
.link-line { display: flex; gap: .6rem; flex-wrap: wrap; padding: .4rem 0; }
#link-row input { flex: 1; min-width: 200px; padding: .5rem .7rem; border: 0; border-radius: 4px;
  background: var(--input-background-fill); color: inherit; }
#link-row button, .past-run button { border: 1px solid var(--neutral-300); border-radius: 4px;
  padding: .35rem .8rem; font-size: .9rem; }
.dark #link-row button { border-color: var(--neutral-700); }
#forget { align-self: flex-start; width: auto; }
#forget-row { align-items: center; }
#kind-row { align-items: end; }
#publish-found:not(:has(p)), #publish-said:not(:has(p)) { display: none; }
#publish-found p, #publish-said p { margin: 0; overflow-wrap: anywhere; }
#pairs .prose { display: grid; gap: .8rem 1.2rem; max-width: none;
  grid-template-columns: repeat(4, minmax(0, 1fr)); }
#pairs figure { margin: 0; }
#pairs img { width: 100%; margin: 0; border-radius: 2px; }
#pairs figcaption { font-size: .8rem; color: var(--body-text-color-subdued); }
#doctor .row { flex-wrap: wrap; }
#autopilot { flex: 1 1 240px; }
.verdict { margin: 0; max-width: 72ch; }
.warning { margin: 0; padding: .5rem .8rem; border-left: 3px solid #c07f4a; max-width: 72ch; }
#notice p { margin: 0; padding: .5rem .8rem; border-left: 3px solid var(--primary-500); }
.past-run { display: flex; gap: .8rem; align-items: center; padding: .3rem 0; }
.past-run { flex-wrap: wrap; }
.past-run div { flex: 1 1 180px; min-width: 0; }
.dark .past-run button { border-color: var(--neutral-700); }
.past-run button { margin: 0; }
.past-run button:hover { border-color: var(--primary-500); }
.past-run button[data-sure] { border-color: #b3261e; color: #b3261e; }
.dark .past-run button[data-sure] { border-color: #f2b8b5; color: #f2b8b5; }
.past-run img, .no-thumbnail { width: 56px; height: 56px; flex: none; border-radius: 2px; }
.no-thumbnail { background: var(--neutral-200); }
.dark .no-thumbnail { background: var(--neutral-800); }
.past-run b { font-weight: 500; }
.past-run p { margin: 0; font-size: .9rem; color: var(--body-text-color-subdued); }
#frame { max-width: 560px; }
:focus-visible { outline: 2px solid var(--color-accent) !important; outline-offset: 2px; }
@media (max-width: 700px) {
  #title { padding-top: .4rem; }
  #generate-grid { grid-template-columns: minmax(0, 1fr); grid-template-rows: none;
    grid-template-areas: "wall" "kept" "controls"; }
  #style-grid { grid-template-columns: minmax(0, 1fr); }
  #stage { position: static; }
  #forget-row { flex-wrap: wrap; } #forget-row > :first-child { flex-basis: 100%; }
  #pairs .prose { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  #before .icon-button-wrapper, #now .icon-button-wrapper { display: none; }
  #report .header-table *, #report .virtual-body * { font-size: .8rem; }
  #report .cell-wrap { padding-inline: 3px; }
  #report th, #report th * { padding-inline: 1px; overflow-wrap: normal; }
}
@media (prefers-reduced-motion: reduce) { .bar div { transition: none; } }
"""
)
