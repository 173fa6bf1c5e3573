/** Video without a camera: a drawing as a stream. */

const SKIN = ['#f1c9a5', '#c68642', '#8d5524', '#e0ac69', '#ffdbac'];

let camera: MediaStreamTrack | undefined;

/** From now on every participant shows this camera: live video that the page does not have to draw. */
export function showCamera(track: MediaStreamTrack): void {
  camera = track;
}

export const hasCamera = (): boolean => camera !== undefined;

/** In the given size; 16:9 by default. */
export function drawPerson(index: number, size = { width: 640, height: 360 }): MediaStreamTrack {
  if (camera !== undefined) return camera.clone();
  return streamOf(size.width, size.height, (pen, width, height) => {
    const hue = (index * 67) % 360;
    const wall = pen.createLinearGradient(0, 0, width, height);
    wall.addColorStop(0, `hsl(${hue} 35% 62%)`);
    wall.addColorStop(1, `hsl(${(hue + 40) % 360} 40% 32%)`);
    pen.fillStyle = wall;
    pen.fillRect(0, 0, width, height);
    pen.fillStyle = `hsl(${(hue + 180) % 360} 35% 38%)`;
    ellipse(pen, width / 2, height * 1.02, width * 0.2, height * 0.36);
    pen.fillStyle = SKIN[index % SKIN.length] ?? '#f1c9a5';
    ellipse(pen, width / 2, height * 0.45, width * 0.085, height * 0.2);
    pen.fillStyle = `hsl(${(hue + 20) % 360} 30% 16%)`;
    ellipse(pen, width / 2, height * 0.31, width * 0.09, height * 0.1);
  });
}

export function drawScreen(): MediaStreamTrack {
  return streamOf(1280, 720, (pen, width, height) => {
    pen.fillStyle = '#f7f8fb';
    pen.fillRect(0, 0, width, height);
    pen.fillStyle = '#25324d';
    pen.fillRect(0, 0, width, 64);
    pen.font = '600 44px sans-serif';
    pen.fillText('Results of the third quarter', 70, 160);
    [0.35, 0.55, 0.48, 0.72, 0.9].forEach((share, index) => {
      pen.fillStyle = index === 4 ? '#4a67e8' : '#9db1ff';
      pen.fillRect(90 + index * 220, height - 70 - share * 400, 140, share * 400);
    });
  });
}

function ellipse(pen: CanvasRenderingContext2D, x: number, y: number, width: number, height: number): void {
  pen.beginPath();
  pen.ellipse(x, y, width, height, 0, 0, 2 * Math.PI);
  pen.fill();
}

function streamOf(width: number, height: number, draw: (pen: CanvasRenderingContext2D, width: number, height: number) => void): MediaStreamTrack {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  const pen = canvas.getContext('2d');
  const track = canvas.captureStream(1).getVideoTracks()[0];
  if (pen === null || track === undefined) throw new Error('could not capture a canvas stream');
  draw(pen, width, height);
  // A canvas stream sends a frame only when the canvas changes.
  setInterval(() => draw(pen, width, height), 1000);
  return track;
}
