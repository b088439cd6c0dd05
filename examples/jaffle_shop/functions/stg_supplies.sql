-- One supply is listed once for each product that needs it, so only id and sku together name a row.
select
    md5(id || '-' || sku) as supply_uuid,
    id as supply_id,
    sku as product_id,
    name as supply_name,
    (cost * 0.01)::decimal(16, 2) as supply_cost,
    perishable as is_perishable_supply
from raw_supplies
