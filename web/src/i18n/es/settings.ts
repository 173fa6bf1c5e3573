/** The settings dialog. */

import type { Texts } from '../en';

export const settings: Pick<Texts, 'settings'> = {
  settings: {
    title: 'Ajustes',
    devices: 'Dispositivos',
    meeting: 'Reunión',
    appearance: 'Apariencia',
    theme: 'Tema',
    language: 'Idioma',
    layout: 'Vista',
    receive: 'Calidad del vídeo recibido',
    camera: 'Resolución de la cámara',
    cameraHeight: (height) => ({ 1080: 'Full HD (1080p)', 720: 'HD (720p)', 360: 'Estándar (360p)', 180: 'Pequeña (180p)' })[height] ?? `${height}p`,
    codec: 'Códec de vídeo (se aplica al reiniciar la cámara)',
    codecAuto: 'Automático',
    noise: 'Supresión de ruido',
    blur: 'Difuminar el fondo',
    mirror: 'Reflejar mi vídeo',
    sounds: 'Sonidos de notificación',
    pushToTalk: 'Pulsar para hablar: mantén pulsada la barra espaciadora',
    licenses: 'Licencias de código abierto',
  },
};
