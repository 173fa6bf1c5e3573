/** The screens before and after a call. */

export const screens = {
  common: {
    close: 'Close',
    cancel: 'Cancel',
    dismiss: 'Dismiss',
    tryAgain: 'Try again',
    you: 'you',
    loading: 'Loading the meeting…',
    copied: 'Copied',
  },
  home: {
    title: 'Join a meeting',
    advice: 'Enter the code or link from your invitation.',
    entry: 'Code or link',
    entryHint: 'team/meeting',
    go: 'Continue',
    problems: {
      unreadable: 'This isn’t a meeting code or link. Check it for typos.',
      elsewhere: 'This link belongs to another website. Open it in your browser.',
    },
    recent: 'Recent meetings',
    clear: 'Clear',
    toHome: 'Go to home page',
  },
  preJoin: {
    about: 'You’re about to join',
    preview: 'Camera preview',
    yourName: 'Your name',
    nameHint: 'How others see you',
    join: 'Join meeting',
    joinWithout: 'Join without camera or microphone',
    joinAndWait: 'Join and wait',
    mayAsk: 'Your browser may ask for access to your camera and microphone.',
    cameraOff: 'Camera is off',
    level: 'Microphone level',
    empty: 'No one is here yet',
    already: (count: number) => (count === 1 ? '1 person is here' : `${new Intl.NumberFormat('en').format(count)} people are here`),
    viewer: 'You’ll join as a viewer',
    viewerMay: 'You can watch, listen, react and raise your hand. A moderator can bring you on stage.',
    unreachable: 'The server isn’t responding yet. You can join now and wait.',
    outOfReach:
      'Audio and video won’t work in Firefox: this server accepts media only at 127.0.0.1, and Firefox doesn’t connect to that address. Use Chrome, or connect this computer to a network and restart the server.',
  },
  waitingRoom: {
    title: 'Almost there',
    /** `when`: a time if that is today, otherwise a date with a time. */
    startsAt: (when: string, isToday: boolean) => (isToday ? `Starts at ${when}` : `Starts on ${when}`),
    auto: 'You’ll join automatically. Just keep this page open.',
    back: 'Back',
    lobbyTitle: 'Asking to join…',
    lobby: 'You’ll join when a moderator lets you in. This may take a while if none is here yet.',
    cancel: 'Cancel request',
  },
  ended: { joinAgain: 'Rejoin', startOver: 'Start again', tryAgain: 'Try again', reload: 'Reload page' },
};
