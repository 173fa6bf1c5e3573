/** One text for each value of a type: states, commands, reactions, choices. */

import type { Texts } from '../en';

export const states: Pick<
  Texts,
  'connection' | 'interruptions' | 'waiting' | 'commands' | 'reactions' | 'mutedBy' | 'refusals' | 'layouts' | 'themes' | 'receive' | 'languages'
> = {
  connection: {
    idle: 'Sin conexión',
    connecting: 'Conectando…',
    lobby: 'Solicitando entrar…',
    connected: 'Conectado',
    reconnecting: 'Reconectando…',
    closed: 'Desconectado',
    failed: 'Error de conexión',
  },
  interruptions: {
    signaling: 'Reconectando… La llamada continúa.',
    media: 'No se puede conectar con el servidor multimedia. Reintentando…',
  },
  waiting: {
    scheduled: 'La reunión aún no ha empezado.',
    starting: 'La reunión se está preparando. Tarda unos segundos.',
    image: 'El servidor está descargando lo que necesita. Puede tardar un minuto.',
    capacity: 'No quedan plazas libres. Entrarás en cuanto haya una.',
    broken: 'La reunión no puede empezar por un problema con el servicio. Avisa a quien te invitó.',
    other: 'La reunión aún no está lista.',
  },
  commands: {
    microphone: 'Activar o desactivar el micrófono',
    camera: 'Activar o desactivar la cámara',
    share: 'Compartir pantalla',
    chat: 'Abrir o cerrar el chat',
    people: 'Mostrar u ocultar las personas',
    hand: 'Levantar o bajar la mano',
    layout: 'Cambiar de vista',
    fullScreen: 'Pantalla completa',
    help: 'Atajos de teclado',
    statistics: 'Estadísticas',
    talk: 'Mantén pulsado para hablar',
  },
  reactions: { like: 'Me gusta', clap: 'Aplauso', heart: 'Corazón', laugh: 'Risa', surprised: 'Sorpresa', party: 'Celebración' },
  mutedBy: {
    audio: 'Un moderador te ha silenciado.',
    video: 'Un moderador ha desactivado tu cámara.',
    share: 'Un moderador ha detenido tu pantalla compartida.',
  },
  refusals: {
    notAllowed: 'No tienes permiso para hacer esto.',
    notNow: 'Ahora mismo no es posible.',
    gone: 'Eso ya no está disponible.',
    tooLarge: 'Es demasiado grande para enviarlo.',
    tooOften: 'Espera un momento y vuelve a intentarlo.',
    noAnswer: 'El servidor no responde. Vuelve a intentarlo.',
    offline: 'Ahora no tienes conexión.',
    other: 'Vuelve a intentarlo en un momento.',
  },
  layouts: { auto: 'Automática', grid: 'Cuadrícula', speaker: 'Vista del orador' },
  themes: { system: 'Sistema', light: 'Claro', dark: 'Oscuro' },
  receive: { auto: 'Automática', saver: 'Ahorro de datos', audioOnly: 'Solo audio' },
  languages: { en: 'English', de: 'Deutsch', es: 'Español' },
};
