/** Errors, and how a call ended. */

import type { DeviceWord, Texts } from '../en';

const DEVICES: Readonly<Record<DeviceWord, string>> = {
  microphone: 'el micrófono',
  camera: 'la cámara',
  screen: 'la pantalla',
  screenSound: 'el audio de la pantalla',
  both: 'la cámara y el micrófono',
};

/** The pronoun: "Conéctalo", "Conéctala", "Conéctalos". */
const IT: Readonly<Record<DeviceWord, string>> = {
  microphone: 'lo',
  camera: 'la',
  screen: 'la',
  screenSound: 'lo',
  both: 'los',
};

const BROWSER_ADVICE = 'Abre el enlace en una versión actual de Chrome, Edge, Firefox o Safari.';

export const problems: Pick<Texts, 'errors' | 'endings'> = {
  errors: {
    'insecure-context': () => ({
      title: 'La cámara y el micrófono necesitan una conexión segura',
      advice: 'Usa un enlace que empiece por https:// o entra ahora solo para ver y escuchar.',
    }),
    'webrtc-missing': () => ({ title: 'Este navegador no admite videollamadas', advice: BROWSER_ADVICE }),
    'browser-unsupported': () => ({ title: 'Este navegador no es compatible', advice: BROWSER_ADVICE }),
    'meeting-missing': () => ({ title: 'No se ha encontrado la reunión', advice: 'Comprueba que el enlace esté bien escrito o pide uno nuevo.' }),
    'meeting-over': () => ({ title: 'La reunión ha terminado', advice: 'Gracias por participar.' }),
    'token-required': () => ({
      title: 'Necesitas una invitación',
      advice: 'Solo pueden entrar las personas invitadas. Abre el enlace de tu invitación o pide una.',
    }),
    'token-invalid': () => ({
      title: 'Este enlace no es válido',
      advice: 'Puede estar incompleto o ser de otra reunión. Abre el enlace completo de tu invitación o pide uno nuevo.',
    }),
    'token-expired': () => ({ title: 'Tu enlace ha caducado', advice: 'Los enlaces caducan. Pide uno nuevo a quien te invitó.' }),
    'access-refused': () => ({ title: 'No puedes entrar en esta reunión', advice: 'No tienes acceso. Pregunta a quien te invitó.' }),
    'permission-denied': (device) => ({
      title: `Tu navegador bloquea ${DEVICES[device]}`,
      advice: `Permite el acceso con el icono junto a la barra de direcciones y vuelve a intentarlo. También puedes continuar así.`,
    }),
    'device-missing': (device) => ({ title: `No se encuentra ${DEVICES[device]}`, advice: `Conécta${IT[device]} y vuelve a intentarlo, o continúa así.` }),
    'device-in-use': (device) => ({
      title: `No se puede usar ${DEVICES[device]} ahora`,
      advice: `Puede que otra aplicación ${IT[device]} esté usando. Ciérrala y vuelve a intentarlo, o continúa así.`,
    }),
    'device-failed': (device) => ({
      title: `No se ha podido iniciar ${DEVICES[device]}`,
      advice: 'Desconecta el dispositivo y vuelve a conectarlo, o elige otro. También puedes continuar así.',
    }),
    'server-unreachable': () => ({
      title: 'No se puede acceder a la reunión',
      advice: 'Comprueba tu conexión a internet y vuelve a intentarlo. Si a otras personas les pasa lo mismo, avisa al administrador.',
    }),
    'meeting-waits': () => ({ title: 'La reunión aún no está lista', advice: 'Todavía se está preparando. Vuelve a intentarlo en un momento.' }),
    'meeting-busy': () => ({ title: 'La reunión está saturada en este momento', advice: 'Vuelve a intentarlo en un momento.' }),
    'media-unreachable': () => ({
      title: 'No se puede conectar con el servidor multimedia',
      advice: 'Puede que tu red bloquee las llamadas. Prueba con otra red o desactiva la VPN o el cortafuegos.',
    }),
    'codec-unsupported': (device) => ({
      title: `Este navegador no puede enviar ${DEVICES[device]}`,
      advice: `El navegador y el servidor no tienen ningún formato multimedia en común. ${BROWSER_ADVICE}`,
    }),
    'request-refused': (device) => ({
      title: `No se ha podido enviar ${DEVICES[device]}`,
      advice: `El servidor ${IT[device]} ha rechazado. Desactíva${IT[device]} y vuelve a activar${IT[device]}. Si no funciona, sal y vuelve a entrar.`,
    }),
    'join-refused': () => ({ title: 'No has podido entrar en la reunión', advice: `Este navegador no es compatible con esta reunión. ${BROWSER_ADVICE}` }),
    'request-timeout': () => ({ title: 'El servidor tarda demasiado en responder', advice: 'Vuelve a intentarlo en un momento.' }),
    'answer-malformed': () => ({ title: 'La página está desactualizada', advice: 'Recarga la página. Si no funciona, avisa al administrador.' }),
    'connection-closed': () => ({ title: 'Se ha cerrado la conexión', advice: 'Vuelve a intentarlo.' }),
  },
  endings: {
    left: { title: 'Has salido de la reunión', advice: 'Puedes volver mientras continúe.' },
    'ended-by-moderator': { title: 'La reunión ha finalizado para todos', advice: 'La ha finalizado un moderador. Gracias por participar.' },
    'meeting-ended': { title: 'La reunión ha terminado', advice: 'Gracias por participar.' },
    'meeting-missing': { title: 'No se ha encontrado la reunión', advice: 'Puede que se haya eliminado. Pide un enlace nuevo.' },
    'meeting-full': { title: 'La reunión está completa', advice: 'Vuelve a intentarlo cuando salga alguien.' },
    'meeting-locked': { title: 'La reunión está bloqueada', advice: 'Ahora no puede entrar nadie más. Pide a alguien de la reunión que la desbloquee.' },
    removed: {
      title: 'Te han expulsado de la reunión',
      advice: 'Un moderador te ha expulsado. No puedes volver a entrar en esta reunión con este navegador ni con esta cuenta.',
    },
    refused: { title: 'Han rechazado tu solicitud', advice: 'Un moderador ha rechazado tu solicitud para entrar.' },
    'not-admitted': {
      title: 'Nadie ha respondido a tu solicitud',
      advice: 'Un moderador tiene que admitirte. Vuelve a intentarlo cuando haya uno en la reunión.',
    },
    'lobby-full': { title: 'Hay demasiadas personas esperando', advice: 'Vuelve a intentarlo dentro de unos minutos.' },
    replaced: { title: 'Has entrado desde otro dispositivo', advice: 'Esta página se ha desconectado para que no aparezcas dos veces.' },
    'peer-id-taken': { title: 'No has podido entrar en la reunión', advice: 'Otra conexión está usando tu lugar. Vuelve a intentarlo.' },
    'invitation-used': { title: 'Esta invitación ya se ha usado', advice: 'Cada invitación vale para una persona. Pide una nueva a quien te invitó.' },
    'token-required': { title: 'Necesitas una invitación', advice: 'Solo pueden entrar las personas invitadas. Abre el enlace de tu invitación o pide una.' },
    closed: { title: 'Se te ha desconectado', advice: 'La reunión ha cerrado tu conexión.' },
  },
};
