//! Colours for light and dark, and the patterns that tell bars apart without them.

/// The beginning of the file. Patterns have names of their own, since pictures may stand on one page.
pub(super) const STYLE: &str = r##"<style>
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#1f2328}
.head{font-weight:bold}.at,.key,.rest{fill:#59636e}
.page{fill:#fff}.stripe{fill:#f3f5f8}
.tick{stroke:#c8d1da;stroke-width:1;fill:none;stroke-dasharray:2 3}
.cut{fill:url(#simloop-cut)}.cut-line{stroke:#8c959f;stroke-width:1.5}
.runs{fill:#0969da}.alive{fill:#8c959f}.waits{fill:#8c959f}
.ready{fill:url(#simloop-ready)}.ready-ground{fill:#ffe2a8}.ready-line{fill:#bf8700}
.timed{fill:url(#simloop-timed)}.timed-line{fill:#6e7781}
.joins{fill:url(#simloop-joins)}.joins-line{fill:#6e7781}
.queued{fill:url(#simloop-queued)}.queued-line{fill:#bc4c00}
.blocks{fill:url(#simloop-blocks)}.blocks-ground{fill:#eac6f5}.blocks-line{stroke:#8250df;stroke-width:2.5}
.wake path{stroke:#57606a;stroke-width:1.2;fill:none}.wake .head{fill:#57606a;stroke:none}
.completed{fill:#1a7f37;stroke:#fff;stroke-width:1}
.cancelled{fill:none;stroke:#1f2328;stroke-width:2.2}
.panicked{fill:#cf222e;stroke:#fff;stroke-width:.8}
.note{fill:#0a7d87}.chosen{fill:#bf3989}.abort{fill:#fff;stroke:#bc4c00;stroke-width:1.5}
.fired{fill:#fff;stroke:#6e7781;stroke-width:1.5}
.woken{fill:#57606a;stroke:#fff;stroke-width:1}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.at,.key,.rest{fill:#9ba5b0}
.page{fill:#0d1117}.stripe{fill:#151b23}.tick{stroke:#3d444d}.cut-line{stroke:#6e7681}
.runs{fill:#4c9dff}.alive{fill:#7d8590}.waits{fill:#7d8590}
.ready-ground{fill:#5c4813}.ready-line{fill:#e3b341}.timed-line{fill:#9ba5b0}
.joins-line{fill:#9ba5b0}.queued-line{fill:#f0883e}
.blocks-ground{fill:#432d63}.blocks-line{stroke:#c297ff}
.wake path{stroke:#aab4be}.wake .head{fill:#aab4be}
.completed{fill:#3fb950;stroke:#0d1117}.cancelled{stroke:#e6edf3}.panicked{fill:#ff6b63;stroke:#0d1117}
.note{fill:#39c5cf}.chosen{fill:#f778ba}.abort{fill:#0d1117;stroke:#f0883e}.fired{fill:#0d1117;stroke:#9ba5b0}
.woken{fill:#aab4be;stroke:#0d1117}
}
</style>
<defs>
<pattern id="simloop-ready" width="4" height="8" patternUnits="userSpaceOnUse">
<rect class="ready-ground" width="4" height="8"/><rect class="ready-line" width="1.6" height="8"/></pattern>
<pattern id="simloop-timed" width="6" height="8" patternUnits="userSpaceOnUse">
<rect class="timed-line" width="3.5" height="8"/></pattern>
<pattern id="simloop-joins" width="4" height="4" patternUnits="userSpaceOnUse">
<rect class="joins-line" width="2" height="4"/></pattern>
<pattern id="simloop-queued" width="6" height="6" patternUnits="userSpaceOnUse">
<path class="queued-line" d="M0 0h4v6h-4z"/></pattern>
<pattern id="simloop-blocks" width="7" height="7" patternUnits="userSpaceOnUse">
<rect class="blocks-ground" width="7" height="7"/>
<path class="blocks-line" d="M-1 8L8 -1M-4.5 4.5L4.5 -4.5M2.5 11.5L11.5 2.5"/></pattern>
<pattern id="simloop-cut" width="6" height="6" patternUnits="userSpaceOnUse">
<path class="cut-line" d="M0 3l1.5 -2l3 4l1.5 -2" fill="none" opacity=".55"/></pattern>
</defs>
"##;
