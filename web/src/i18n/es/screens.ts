/** The screens before and after a call. */

import type { Texts } from '../en';

export const screens: Pick<Texts, 'common' | 'home' | 'preJoin' | 'waitingRoom' | 'ended'> = {
  common: {
    close: 'Cerrar',
    cancel: 'Cancelar',
    dismiss: 'Ocultar',
    tryAgain: 'Volver a intentarlo',
    you: 'tú',
    loading: 'Cargando la reunión…',
    copied: 'Copiado',
  },
  home: {
    title: 'Unirse a una reunión',
    advice: 'Introduce el código o el enlace de tu invitación.',
    entry: 'Código o enlace',
    entryHint: 'equipo/reunion',
    go: 'Continuar',
    problems: {
      unreadable: 'No es un código ni un enlace de reunión. Comprueba que esté bien escrito.',
      elsewhere: 'Este enlace es de otro sitio web. Ábrelo en el navegador.',
    },
    recent: 'Reuniones recientes',
    clear: 'Borrar',
    toHome: 'Ir a la página principal',
  },
  preJoin: {
    about: 'Vas a entrar en',
    preview: 'Vista previa de la cámara',
    yourName: 'Tu nombre',
    nameHint: 'Así te verán los demás',
    join: 'Entrar',
    joinWithout: 'Entrar sin cámara ni micrófono',
    joinAndWait: 'Entrar y esperar',
    mayAsk: 'Puede que el navegador te pida acceso a la cámara y al micrófono.',
    cameraOff: 'La cámara está desactivada',
    level: 'Nivel del micrófono',
    empty: 'Aún no hay nadie',
    already: (count) => (count === 1 ? 'Hay 1 persona' : `Hay ${new Intl.NumberFormat('es').format(count)} personas`),
    viewer: 'Entrarás como espectador',
    viewerMay: 'Puedes ver, escuchar, reaccionar y levantar la mano. Un moderador puede subirte al escenario.',
    unreachable: 'El servidor aún no responde. Puedes entrar y esperar.',
    outOfReach:
      'El audio y el vídeo no funcionan en Firefox: este servidor solo los acepta en 127.0.0.1, y Firefox no se conecta a esa dirección. Usa Chrome o conecta este ordenador a una red y reinicia el servidor.',
  },
  waitingRoom: {
    title: 'Ya casi está',
    startsAt: (when, isToday) => (isToday ? `Empieza a la${when.startsWith('1:') ? '' : 's'} ${when}` : `Empieza el ${when}`),
    auto: 'Entrarás automáticamente. Mantén abierta esta página.',
    back: 'Volver',
    lobbyTitle: 'Solicitando entrar…',
    lobby: 'Entrarás cuando un moderador te admita. Puede tardar si aún no ha llegado ninguno.',
    cancel: 'Cancelar solicitud',
  },
  ended: { joinAgain: 'Volver a entrar', startOver: 'Iniciar de nuevo', tryAgain: 'Volver a intentarlo', reload: 'Recargar la página' },
};
