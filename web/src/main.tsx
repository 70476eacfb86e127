import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import './styles/base.css';
import './styles/page.css';
import './styles/signin.css';
import './styles/request.css';
import './styles/linked.css';
import './styles/board.css';
import './styles/ticket.css';
import './styles/monitoring.css';
import './styles/todo.css';
import './styles/settings.css';
import './styles/reports.css';
import './styles/heatmap.css';
import './styles/panorama.css';
import './styles/gateways.css';

const root = document.getElementById('app');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
