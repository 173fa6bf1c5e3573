/** The settings dialog. */

export const settings = {
  settings: {
    title: 'Settings',
    devices: 'Devices',
    meeting: 'Meeting',
    appearance: 'Appearance',
    theme: 'Theme',
    language: 'Language',
    layout: 'View',
    receive: 'Incoming video quality',
    camera: 'Camera resolution',
    cameraHeight: (height: number) => ({ 1080: 'Full HD (1080p)', 720: 'HD (720p)', 360: 'Standard (360p)', 180: 'Small (180p)' })[height] ?? `${height}p`,
    codec: 'Video codec (applies when the camera restarts)',
    codecAuto: 'Automatic',
    noise: 'Noise suppression',
    blur: 'Blur background',
    mirror: 'Mirror my video',
    sounds: 'Notification sounds',
    pushToTalk: 'Push to talk: hold Space to unmute',
    licenses: 'Open-source licenses',
  },
};
