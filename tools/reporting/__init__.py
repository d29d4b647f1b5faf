"""Pages of reports: self-contained HTML and PDF, in English and Japanese. No effect but the bytes returned."""

from tools.reporting.html import as_html as as_html
from tools.reporting.pages import Chart as Chart
from tools.reporting.pages import Page as Page
from tools.reporting.pages import Section as Section
from tools.reporting.pdf import as_pdf as as_pdf
