// Power quality of a motor's supply: headlines, phasors, harmonics, events of 30 days, the last one's waveform.
import {html, useEffect, useState} from "../core/html.js";
import {get} from "../core/api.js";
import {clock} from "../core/numbers.js";
import {go, replace} from "../core/router.js";
import {_} from "../core/text.js";
import {HarmonicsPanel} from "../components/supply_harmonics.js";
import {EventPanel, EventsPanel} from "../components/supply_events.js";
import {Marked} from "../components/marked.js";
import {PhasorsPanel} from "../components/supply_phasors.js";

export default function PowerQualityView({plant, argument, query, outdated}) {
  const [motors, setMotors] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    get("/power-quality").then(setMotors, setProblem);
  }, []);
  const id = argument || (motors && (motors.first || (motors.motors[0] || {}).id));
  useEffect(() => {
    if (!argument && id) replace(`/m/${encodeURIComponent(id)}/pq`); // its address has live values
  }, [argument, id]);
  if (problem) return html`<${Title} plant=${plant} /><p role="alert"><${Marked} text=${problem.message} /></p>`;
  if (!motors) return html`<${Title} plant=${plant} /><p class="soft">${_("Loading")}</p>`;
  if (!id) return html`<${Title} plant=${plant} /><p class="soft">${_("Nothing was received from any motor yet.")}</p>`;
  return html`<${MotorSupply} key=${id} id=${id} motors=${motors.motors} plant=${plant} chosen=${Number(query.get("event")) || null} outdated=${outdated} />`;
}

/** chosen: the event whose waveform is shown; null: the last one. */
function MotorSupply({id, motors, plant, chosen, outdated}) {
  const [loaded, setLoaded] = useState(null);
  const [problem, setProblem] = useState(null);
  const [standard, setStandard] = useState(null);
  const live = plant.power_quality && plant.power_quality.id === id ? plant.power_quality : null;
  const event_ms = live ? live.event_ms : null;
  useEffect(() => {
    const ending = new AbortController();
    get(`/motors/${encodeURIComponent(id)}/power-quality`, {}, ending.signal).then(setLoaded, (error) => ending.signal.aborted || setProblem(error));
    return () => ending.abort();
  }, [id, event_ms]);
  const head = (place, end) => html`<${Title} plant=${plant} id=${id} motors=${motors} place=${place} end=${end} />`;
  if (problem && !loaded) return html`${head()}<p role="alert"><${Marked} text=${problem.message} /></p>`;
  if (!loaded) return html`${head()}<p class="soft">${_("Loading")}</p>`;
  const data = live ? {...loaded, ...live} : loaded;
  const set = data.standards.find((one) => one.limits.key === standard) || data.standards[0] || null;
  const stale = outdated || data.stale;
  return html`${head(data.place, ended(data, plant.time_zone, stale))}
    <div class="panel headlines">${[...(set ? set.headlines : data.headlines), data.events_headline].map((headline) => html`<div><b class=${stale ? "stale" : ""}>${headline.title}</b><span class=${headline.beyond ? "beyond" : ""}><${Marked} text=${headline.detail} /></span></div>`)}</div>
    ${data.has_device || data.events.list.length ? html`<${Measured} ...${{data, set, setStandard, stale, chosen, zone: plant.time_zone}} />` : html`<${MeterOnly} ...${{data, stale, zone: plant.time_zone}} />`}`;
}

function Measured({data, set, setStandard, stale, chosen, zone}) {
  return html`<div class="supply">
      <${PhasorsPanel} phasors=${data.phasors} stale=${stale} />
      <${HarmonicsPanel} data=${data} set=${set} stale=${stale} onStandard=${setStandard} />
    </div>
    <div class=${data.events.list.length ? "halves mt supply-events" : "halves mt supply-events none"}>
      <${EventsPanel} events=${data.events} zone=${zone} has_device=${data.has_device} />
      <${EventPanel} id=${data.id} events=${data.events} chosen=${chosen} zone=${zone} />
    </div>`;
}

function MeterOnly({data, stale, zone}) {
  return html`<div class="supply no-samples">
    <${PhasorsPanel} phasors=${data.phasors} stale=${stale} />
    <div><${HarmonicsPanel} data=${data} /><div class="mt"><${EventsPanel} events=${data.events} zone=${zone} has_device=${data.has_device} /></div></div>
  </div>`;
}

function ended(data, zone, stale) {
  if (data.t_ms === null) return _("nothing received");
  const time = clock(data.t_ms, zone);
  if (stale) return _("values of {time}", {time});
  return data.window_s ? _("window {seconds} s, ended {time}", {seconds: data.window_s, time}) : _("values of the meter, {time}", {time});
}

function Title({plant, id, motors = [], place, end}) {
  const name = (motor) => (plant.motors.find((row) => row.id === motor) || {name: motor}).name;
  return html`<div class="mh">
    <span class="crumb"><a href="/">${_("Plant")}</a>${id && html` › <a href=${`/m/${encodeURIComponent(id)}`}>${name(id)}</a>`} ›</span>
    <h1>${_("Power quality")}</h1>${place && html`<span class="soft">${place}</span>`}
    <span class="end soft">${end}</span>
    ${motors.length > 1 && html`<label class="choose"><span>${_("Motor")}</span><select value=${id} onChange=${(event) => go(`/m/${encodeURIComponent(event.target.value)}/pq`)}>
      ${motors.map((motor) => html`<option value=${motor.id} selected=${motor.id === id}>${motor.has_device ? name(motor.id) : _("{motor} · meter", {motor: name(motor.id)})}</option>`)}
    </select></label>`}
  </div>`;
}
