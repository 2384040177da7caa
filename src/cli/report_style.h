/* SPDX-License-Identifier: Apache-2.0
 *
 * The style sheet of the report: system fonts, light and dark, from 320 pixels up. Colours have a
 * contrast of at least 4.5 to 1 with what is behind them, and never tell anything alone.
 */
#ifndef WFE_CLI_REPORT_STYLE_H
#define WFE_CLI_REPORT_STYLE_H

/* In pieces: a string literal of C may have 4,095 characters. */
#define WFE_REPORT_STYLE_COLOURS                                                                   \
    ":root{color-scheme:light dark;--bg:#fff;--card:#f6f8fa;--text:#1b1f24;--soft:#57606a;"        \
    "--line:#d0d7de;--ok:#116329;--bad:#a40e26;--warn:#7d4e00;--run:#0550ae;--bar-ok:#2da44e;"     \
    "--bar-bad:#cf222e;--bar-warn:#bf8700;--bar-run:#0969da;--log:#f6f8fa;--bad-bg:#ffebe9}"       \
    "@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--card:#161b22;--text:#e6edf3;"          \
    "--soft:#9da7b3;--line:#30363d;--ok:#56d364;--bad:#ff8f87;--warn:#e3b341;--run:#79c0ff;"       \
    "--bar-ok:#2ea043;--bar-bad:#f85149;--bar-warn:#d29922;--bar-run:#388bfd;--log:#010409;"       \
    "--bad-bg:#2d1214}}"

#define WFE_REPORT_STYLE_PAGE                                                                      \
    "*{box-sizing:border-box}"                                                                     \
    "body{margin:0;background:var(--bg);color:var(--text);font:16px/1.5 system-ui,sans-serif}"     \
    "header,main,footer{max-width:64rem;margin:0 auto;padding:0 1rem}"                             \
    "header{padding-top:1.5rem}"                                                                   \
    "h1{font-size:1.6rem;line-height:1.25;margin:.25rem 0;overflow-wrap:anywhere}"                 \
    "h2{font-size:1.2rem;margin:2rem 0 .75rem}"                                                    \
    "h3{font-size:1rem;margin:1rem 0 .25rem}"                                                      \
    "p{margin:.5rem 0}"                                                                            \
    "a{color:var(--run)}"                                                                          \
    ":focus-visible{outline:2px solid var(--run);outline-offset:2px}"                              \
    ".skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--bg);"    \
    "padding:.25rem .5rem}"                                                                        \
    ".vh{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);"             \
    "white-space:nowrap}"                                                                          \
    ".soft{color:var(--soft)}"                                                                     \
    ".state{display:inline-block;font-weight:600;padding:.1rem .7rem;border:1px solid;"            \
    "border-radius:1rem;margin:0}"                                                                 \
    ".ok{color:var(--ok)}.bad{color:var(--bad)}.warn{color:var(--warn)}.run{color:var(--run)}"     \
    ".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,auto));gap:.75rem;"   \
    "margin:1rem 0}"                                                                               \
    ".facts dt{color:var(--soft);font-size:.85rem}"                                                \
    ".facts dd{margin:0;overflow-wrap:anywhere}"                                                   \
    ".failure{background:var(--bad-bg);border:1px solid var(--bar-bad);border-radius:.5rem;"       \
    "padding:.25rem 1rem .75rem;margin-top:1.5rem}.failure h2{margin:.75rem 0 .25rem}"             \
    "footer{padding:2rem 1rem;color:var(--soft);font-size:.85rem}"

#define WFE_REPORT_STYLE_TIME                                                                      \
    ".tl{list-style:none;margin:0;padding:0}"                                                      \
    ".tl li,.axis{display:grid;grid-template-columns:minmax(0,15rem) minmax(0,1fr) 4rem;"          \
    "gap:0 .75rem;align-items:center}"                                                             \
    ".tl li{border-top:1px solid var(--line);padding:.2rem 0}"                                     \
    ".tl .name{position:relative;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}"       \
    ".tl .name a{color:inherit;text-decoration:none}.tl .name a:hover{text-decoration:underline}"  \
    ".tl .took,.axis .took{text-align:right;font-variant-numeric:tabular-nums;"                    \
    "color:var(--soft);font-size:.85rem;white-space:nowrap}"                                       \
    ".track{position:relative;height:1rem}"                                                        \
    ".bar{position:absolute;top:.1rem;bottom:.1rem;left:calc(var(--l)*1%);"                        \
    "width:calc(var(--w)*1%);min-width:3px;border-radius:3px;background:var(--bar-run)}"           \
    ".bar.ok{background:var(--bar-ok)}.bar.bad{background:var(--bar-bad)}"                         \
    ".bar.warn{background:var(--bar-warn)}.bar.svc,.bar.grp{opacity:.5}"                           \
    ".axis .track{height:1.4rem;color:var(--soft);font-size:.8rem;overflow:hidden}"                \
    ".axis .track span{position:absolute;left:calc(var(--l)*1%);padding-left:.25rem;"              \
    "border-left:1px solid var(--line);white-space:nowrap;font-variant-numeric:tabular-nums}"      \
    ".sym{display:inline-block;width:1.25em;text-align:center;font-weight:700}"                    \
    ".d1{padding-left:1.25rem}.d2{padding-left:2.5rem}.d3{padding-left:3.75rem}"                   \
    ".d4{padding-left:5rem}"

#define WFE_REPORT_STYLE_STEPS                                                                     \
    "details{border:1px solid var(--line);border-radius:.5rem;margin:.5rem 0;"                     \
    "background:var(--card)}"                                                                      \
    "summary{cursor:pointer;padding:.5rem .75rem;display:flex;gap:.5rem;align-items:baseline;"     \
    "flex-wrap:wrap}"                                                                              \
    "summary .name{font-weight:600;overflow-wrap:anywhere;max-width:calc(100% - 2rem)}"            \
    "summary .took{margin-left:auto;color:var(--soft);font-variant-numeric:tabular-nums}"          \
    ".in{padding:0 .75rem .75rem;border-top:1px solid var(--line);scroll-margin-top:4rem}"         \
    "details:has(:target){border-color:var(--run)}"                                                \
    "pre,code{font:.85rem/1.45 ui-monospace,monospace}"                                            \
    "pre{margin:.5rem 0;padding:.6rem .75rem;background:var(--log);border:1px solid var(--line);"  \
    "border-radius:.35rem;white-space:pre-wrap;overflow-wrap:anywhere;max-height:32rem;"           \
    "overflow-y:auto}"                                                                             \
    "pre .e{display:inline-block;width:100%;border-left:3px solid var(--bar-warn);"                \
    "padding-left:.5rem;margin-left:calc(-.5rem - 3px)}"                                           \
    "pre .cut{color:var(--warn);font-style:italic}"                                                \
    "pre .att{color:var(--soft);font-style:italic}"                                                \
    ".values{width:100%;border-collapse:collapse}"                                                 \
    ".values th,.values td{text-align:left;vertical-align:top;padding:.3rem .5rem .3rem 0;"        \
    "border-top:1px solid var(--line)}"                                                            \
    ".values th{font-weight:600;width:30%;overflow-wrap:anywhere}"                                 \
    ".values td{white-space:pre-wrap;overflow-wrap:anywhere}"

#define WFE_REPORT_STYLE_SMALL                                                                     \
    "@media(max-width:40rem){"                                                                     \
    ".tl li,.axis{grid-template-columns:minmax(0,1fr) auto}"                                       \
    ".tl .track,.axis .track{grid-column:1/-1;grid-row:2}"                                         \
    ".tl .track:empty,.axis .took,.axis .name{display:none}.tl li{padding:.35rem 0}"               \
    "h1{font-size:1.35rem}.values th{width:40%}}"                                                  \
    "@media print{pre{max-height:none}details{break-inside:avoid}.skip{display:none}}"             \
    "@media(prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}"

#endif
