import { html, svg } from 'lit';

const STARS = [
  [80, 60, 1.6], [190, 130, 1.1], [300, 40, 1.4], [420, 100, 1], [505, 50, 1.7], [610, 120, 1.2], [690, 36, 1.5],
  [770, 96, 1], [860, 30, 1.6], [960, 150, 1.1], [1060, 40, 1.5], [1150, 100, 1], [1240, 40, 1.7], [1330, 120, 1.2],
  [1400, 60, 1.4], [140, 230, 1], [560, 220, 1.3], [710, 260, 1], [360, 190, 1.2], [1010, 210, 1], [1370, 170, 1.1],
];

const TREES = [
  [870, 486, 44], [894, 484, 60], [922, 482, 48], [946, 480, 74], [978, 476, 56], [1000, 474, 86], [1030, 470, 62],
  [1110, 462, 92], [1128, 456, 70], [1268, 448, 104], [1296, 446, 78], [1390, 440, 116], [1412, 436, 92], [1350, 444, 70],
  [30, 504, 40], [52, 506, 54], [84, 504, 36],
];

/** The view from the counter: midnight sun by day, northern lights by night; colours come from fjord.css. */
export const fjord = html`
  <svg class="fjord" viewBox="0 0 1440 640" preserveAspectRatio="xMaxYMax slice" aria-hidden="true" focusable="false">
    <defs>
      <linearGradient id="aurora-light" x1="0" y1="0" x2="0" y2="1">
        <stop class="aurora-top" offset="0" /><stop class="aurora-foot" offset="1" />
      </linearGradient>
      <linearGradient id="water" x1="0" y1="0" x2="0" y2="1">
        <stop class="water-far" offset="0" /><stop class="water-near" offset="1" />
      </linearGradient>
      <symbol id="spruce-tree" viewBox="0 0 40 90" overflow="visible">
        <path d="M20 0 29 22h-4l9 20h-5l11 26H22v20h-4V68H0l11-26H6l9-20h-4z" />
      </symbol>
      <symbol id="boathouse" viewBox="0 0 120 190" overflow="visible">
        <path class="hut-stilts" d="M10 136v34M38 136v38M82 136v38M110 136v34" />
        <path class="hut-wall" d="M6 56 60 8l54 48v82H6z" />
        <path class="hut-planks" d="M18 48v90M30 37v101M42 26v112M54 16v122M66 16v122M78 26v112M90 37v101M102 48v90" />
        <path class="hut-roof" d="M60-2-4 55l6 7L60 11l58 51 6-7z" />
        <path class="hut-trim" d="M6 60v78h5V58zM114 60v78h-5V58z" />
        <path class="hut-trim" d="M44 34h32v26H44z" /><path class="hut-pane" d="M47.500 37.500h11v19h-11zM61.500 37.500h11v19h-11z" />
      </symbol>
    </defs>

    <g class="stars">
      ${STARS.map(([x, y, r]) => svg`<circle cx=${x} cy=${y} r=${r} />`)}
    </g>
    <g class="aurora">
      <path fill="url(#aurora-light)" d="M660 250C710 130 740 150 800 90s170-70 250-10 180-30 480-90v150c-220 60-370 90-480 60s-160 0-240 60-170 60-250 10z" />
      <path fill="url(#aurora-light)" d="M780 180c90-110 190-60 270-110s190-50 480 10v130c-190-30-290-20-430 10s-220 20-320-40z" />
    </g>
    <circle class="sun-glow" cx="962" cy="226" r="118" />
    <circle class="sun" cx="962" cy="226" r="46" />

    <path class="far" d="M0 488 110 452 200 470 330 436 420 458 520 414 640 446 742 352 806 398 890 290 958 352 1040 236 1128 330 1216 214 1310 306 1440 190V520H0z" />
    <path class="snow" d="m890 290 28 26-16-2-10 16-12-14-22 8zM1040 236l40 43-22-5-14 20-16-20-22 12zM1216 214l40 39-24-4-12 22-20-20-24 16zM742 352l22 15-14-1-8 10-8-10-12 6z" />
    <path class="middle" d="M0 496 180 474 360 486 540 456 660 476 780 428 900 446 1000 372 1080 408 1190 330 1280 372 1440 268V530H0z" />
    <path class="middle-light" d="m1000 372 80 36-30 4 24 30-60-10 10 40-50-20zM1190 330l90 42-36 8 30 40-70-16 6 50-60-30 20-40z" />
    <path class="near" d="M0 500c160-18 300-12 440-4s260-6 400-22 300-64 600-70v120H0z" />
    <g class="trees">
      ${TREES.map(
        ([x, y, height]) =>
          svg`<use href="#spruce-tree" x=${x} y=${y - height} width=${height * 0.444} height=${height} />`,
      )}
    </g>

    <rect class="water" x="0" y="500" width="1440" height="140" fill="url(#water)" />
    <path class="sun-path" d="M926 506h72M934 516h58M942 528h46M920 541h84M946 555h34M932 570h60M950 588h26" />
    <path class="glints" d="M60 528h90M260 546h130M420 522h60M560 562h120M120 584h150M470 602h96M930 612h130M1180 618h120M640 622h70M330 626h60" />

    <path class="reflection" d="M1016 520h100l-8 54-42 34-42-34zM1146 520h120l-8 70-52 40-52-40zM1300 520h104l-8 50-44 34-44-34z" />
    <path class="quay" d="M984 490h456v10H984z" />
    <path class="hut-stilts" d="M1000 500v24M1080 500v26M1136 500v24M1276 500v26M1360 500v24M1424 500v26" />
    <use href="#boathouse" x="1014" y="374" width="104" height="165" />
    <use class="house-ochre" href="#boathouse" x="1298" y="370" width="108" height="171" />
    <g class="shop">
      <path class="smoke" d="M1244 316c-14-16 14-26 0-44s12-26 2-44" />
      <path class="chimney" d="M1234 316h20v44h-20z" />
      <use href="#boathouse" x="1140" y="322" width="132" height="209" />
      <path class="board" d="M1156 406h100v22h-100z" />
      <text class="board-name" x="1206" y="421.500" text-anchor="middle" textLength="84">SAGA SUPPLY</text>
      <path class="hut-trim" d="M1158 436h30v32h-30zM1224 436h30v32h-30z" />
      <path class="hut-pane" d="M1162 440h10v24h-10zM1175 440h9v24h-9zM1228 440h10v24h-10zM1241 440h9v24h-9z" />
      <path class="door" d="M1194 436h24v54h-24z" /><path class="hut-pane" d="M1198 441h16v20h-16z" />
    </g>
    <path class="pole" d="M1126 490V330" />
    <path class="pennant" d="M1126 332c18-6 30 8 54 2-16 8-34 4-54 14z" />
    <g class="boat">
      <path class="boat-shadow" d="M690 562h104l-14 9h-76z" />
      <path class="hull" d="M676 538c40 10 90 10 132-3-6 20-20 29-36 29h-62c-16 0-28-9-34-26z" />
      <path class="boat-rim" d="M676 538c40 10 90 10 132-3" />
      <path class="oar" d="m710 552-34 26M766 551l34 26" />
    </g>
  </svg>
`;
