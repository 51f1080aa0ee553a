import type { Fields, RecordData, TableData } from '../airtable/tables/table'
import { createRandom } from './random'

const SEED = 20_260_601
const PEOPLE = 264
const RECORD_ID_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

const GIVEN_NAMES = (
  'María José Begoña Íñigo Lucía Óscar Andrés Concepción Iván Sofía Martín Elena Raúl Inés Ángel Noelia Joaquín ' +
  'Mónica Álvaro Verónica Héctor Rocío Tomás Pilar Adrián Águeda César Leire Simón Nuria'
).split(' ')

const SURNAMES = (
  'García Muñoz Núñez Ibáñez Peña Ordóñez Martínez López Sánchez Castaño Gutiérrez Jiménez Rodríguez Avilés Cañizares ' +
  'Domínguez Estévez Fernández Gómez Hernández Iturralde Lozano Méndez Nieto Olmedo Piñeiro Quintana Rivas Soler ' +
  'Torres Urrutia Vázquez Yáñez Zamora'
).split(' ')

const POSTS = ['Agente', 'Agente sénior', 'Agente', 'Coordinación'] as const
const PROVINCES = 'AV BA BU CA CC CO CS CU GI GR GU HU JA LE LU MA MU NA OU PO SA SE SO TE TO VA ZA'.split(
  ' ',
)
const PARTIES = ['Azul', 'Verde', 'Independiente'] as const
const STREETS = ['Calle Mayor', 'Avenida de la Constitución', 'Paseo del Río', 'Plaza de España'] as const

/** The agents' view leaves out administration, which sells nothing. */
const ADMINISTRATION = 'Administración'

const FIELDS = {
  Nombre: 'singleLineText',
  Cargo: 'singleSelect',
  Estado: 'singleSelect',
  Partido: 'singleSelect',
  Nacimiento: 'date',
  Telefono: 'phoneNumber',
  Web: 'url',
  Oficina: 'singleLineText',
  Alta: 'date',
} as const

/** Positions of records whose name is missing, blank or a placeholder, as in real tables. */
const UNUSABLE_NAMES: ReadonlyMap<number, string | undefined> = new Map([
  [17, 'N/A'],
  [58, '   '],
  [96, undefined],
  [133, ' N/A '],
  [171, ''],
  [224, undefined],
])

export const AGENTS_VIEW = { id: 'viwAgentes0000001', name: 'Agentes de venta' } as const

export const EVERYONE_VIEW = { id: 'viwTodos000000001', name: 'Todos' } as const

/** The key is no secret: it opens nothing else. */
export const PEOPLE_BASE = { baseId: 'appLocalPeople001', apiKey: 'patLocalDevelopment' } as const

export const PEOPLE_TABLE = { id: 'tblPeople00000001', name: 'People' } as const

function pick<T>(random: () => number, choices: readonly T[]): T {
  const choice = choices[Math.floor(random() * choices.length)]
  if (choice === undefined) throw new RangeError('nothing to pick from')
  return choice
}

function date(random: () => number, fromYear: number, years: number): string {
  const day = Date.UTC(fromYear, 0, 1) + Math.floor(random() * years * 365) * 86_400_000
  return new Date(day).toISOString().slice(0, 10)
}

function slug(name: string): string {
  const ascii = name.normalize('NFD').replace(/\p{M}/gu, '')
  return ascii.toLowerCase().replaceAll(' ', '-')
}

function person(random: () => number, position: number): RecordData {
  const id = `rec${Array.from({ length: 14 }, () => pick(random, [...RECORD_ID_LETTERS])).join('')}`
  const name = `${pick(random, GIVEN_NAMES)} ${pick(random, SURNAMES)} ${pick(random, SURNAMES)}`
  const joined = date(random, 2015, 10)
  const fields: Fields & Record<keyof typeof FIELDS, unknown> = {
    Nombre: position % 37 === 5 ? ` ${name}  ` : name,
    Cargo: position % 11 === 10 ? ADMINISTRATION : pick(random, POSTS),
    Estado: pick(random, PROVINCES),
    Partido: pick(random, PARTIES),
    Nacimiento: date(random, 1958, 44),
    Telefono: `+34 600 ${String(Math.floor(random() * 1_000_000)).padStart(6, '0')}`,
    Web: `https://agentes.example/${slug(name)}`,
    Oficina: `${pick(random, STREETS)}, ${1 + Math.floor(random() * 120)}`,
    Alta: joined,
  }
  const usual = { id, createdTime: `${joined}T08:00:00.000Z`, fields }
  if (!UNUSABLE_NAMES.has(position)) return usual
  return { ...usual, fields: { ...fields, Nombre: UNUSABLE_NAMES.get(position) } }
}

/** Always generates the same 264 people. The agents' view shows 240 of them; six of these have an unusable name. */
export function generatePeople(): TableData {
  const random = createRandom(SEED)
  const collator = new Intl.Collator('es')
  return {
    ...PEOPLE_TABLE,
    fields: FIELDS,
    views: [
      { ...AGENTS_VIEW, includes: (fields) => fields.Cargo !== ADMINISTRATION },
      {
        ...EVERYONE_VIEW,
        compare: (a, b) => collator.compare(String(a.Nombre ?? ''), String(b.Nombre ?? '')),
      },
    ],
    records: Array.from({ length: PEOPLE }, (_, position) => person(random, position)),
  }
}
