select
    location_id,
    location_name,
    tax_rate,
    opened_date
from stg_locations
