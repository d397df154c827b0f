<?xml version="1.0" encoding="utf-8"?>
<!-- Shows what rtmp_stat answers as a page: rtmp_stat_stylesheet stat.xsl; -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:output method="html" encoding="utf-8" doctype-system="about:legacy-compat"/>

  <xsl:template match="/rtmp | /http-flv">
    <html lang="en">
      <head>
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <title>Streams</title>
        <link rel="icon" href="data:,"/>
        <style>
          :root { color-scheme: light dark; --line: #8884; --soft: #8881; --dim: #777; --on: #1a8f4c; }
          body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 76rem; padding: 1.5rem; }
          h1 { font-size: 1.35rem; margin: 0 0 .75rem; }
          h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
          h2 small, h1 small { color: var(--dim); font-weight: normal; }
          dl { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 0; }
          dl div { min-width: 5.5rem; }
          dt { color: var(--dim); font-size: .8rem; }
          dd { margin: 0; font-variant-numeric: tabular-nums; font-weight: 600; }
          .wide { overflow-x: auto; }
          table { border-collapse: collapse; width: 100%; }
          th { color: var(--dim); font-size: .8rem; font-weight: normal; text-align: left; white-space: nowrap; }
          th, td { border-bottom: 1px solid var(--line); padding: .4rem .75rem .4rem 0; vertical-align: top; }
          td { overflow-wrap: anywhere; }
          .n { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
          .name { font-weight: 600; }
          .off { color: var(--dim); font-weight: normal; }
          .live::before { color: var(--on); content: "● "; }
          .dim { color: var(--dim); }
          .issue { color: #b45309; font-size: .8rem; font-weight: normal; }
          tr.clients > td { background: var(--soft); padding: .25rem .75rem .75rem 1.5rem; }
          tr.clients td td { border: 0; font-size: .88rem; padding: .15rem .75rem .15rem 0; }
          a { color: inherit; }
        </style>
      </head>
      <body>
        <h1><xsl:value-of select="nginx_version"/><small> · process <xsl:value-of select="pid"/></small></h1>
        <dl>
          <xsl:call-template name="fact"><xsl:with-param name="name">Up</xsl:with-param><xsl:with-param name="value"><xsl:call-template name="duration"><xsl:with-param name="seconds" select="uptime"/></xsl:call-template></xsl:with-param></xsl:call-template>
          <xsl:call-template name="fact"><xsl:with-param name="name">Streams</xsl:with-param><xsl:with-param name="value" select="count(server/application/live/stream[active])"/></xsl:call-template>
          <xsl:call-template name="fact"><xsl:with-param name="name">Players</xsl:with-param><xsl:with-param name="value" select="sum(server/application/live/stream/viewers/*)"/></xsl:call-template>
          <xsl:call-template name="fact"><xsl:with-param name="name">Connections so far</xsl:with-param><xsl:with-param name="value" select="naccepted"/></xsl:call-template>
          <xsl:call-template name="fact"><xsl:with-param name="name">In</xsl:with-param><xsl:with-param name="value"><xsl:call-template name="rate"><xsl:with-param name="bits" select="bw_in"/></xsl:call-template></xsl:with-param></xsl:call-template>
          <xsl:call-template name="fact"><xsl:with-param name="name">Out</xsl:with-param><xsl:with-param name="value"><xsl:call-template name="rate"><xsl:with-param name="bits" select="bw_out"/></xsl:call-template></xsl:with-param></xsl:call-template>
          <xsl:call-template name="fact"><xsl:with-param name="name">Received</xsl:with-param><xsl:with-param name="value"><xsl:call-template name="bytes"><xsl:with-param name="bytes" select="bytes_in"/></xsl:call-template></xsl:with-param></xsl:call-template>
          <xsl:call-template name="fact"><xsl:with-param name="name">Sent</xsl:with-param><xsl:with-param name="value"><xsl:call-template name="bytes"><xsl:with-param name="bytes" select="bytes_out"/></xsl:call-template></xsl:with-param></xsl:call-template>
        </dl>
        <xsl:apply-templates select="server"/>
      </body>
    </html>
  </xsl:template>

  <xsl:template match="server">
    <xsl:apply-templates select="application">
      <xsl:with-param name="control">
        <xsl:if test="../control"><xsl:value-of select="concat(../control, '/drop/client?srv=', position() - 1)"/></xsl:if>
      </xsl:with-param>
    </xsl:apply-templates>
  </xsl:template>

  <xsl:template match="application">
    <xsl:param name="control"/>
    <h2>
      <xsl:value-of select="name"/>
      <small>
        <xsl:choose>
          <xsl:when test="not(live)"> · not live</xsl:when>
          <xsl:when test="not(live/stream)"> · nobody publishes or plays</xsl:when>
        </xsl:choose>
      </small>
    </h2>
    <xsl:if test="live/stream">
      <div class="wide">
        <table>
          <thead>
            <tr>
              <th>Stream</th><th>Picture</th><th>Sound</th>
              <th class="n">Key frames every</th><th class="n">Video</th><th class="n">Audio</th>
              <th class="n">In</th><th class="n">Out</th><th class="n">Viewers</th><th class="n">Time</th>
            </tr>
          </thead>
          <tbody>
            <xsl:for-each select="live/stream">
              <xsl:sort select="name"/>
              <xsl:call-template name="stream"><xsl:with-param name="control" select="$control"/></xsl:call-template>
            </xsl:for-each>
          </tbody>
        </table>
      </div>
    </xsl:if>
  </xsl:template>

  <xsl:template name="stream">
    <xsl:param name="control"/>
    <tr>
      <td>
        <xsl:attribute name="class">
          <xsl:choose><xsl:when test="active">name live</xsl:when><xsl:otherwise>name off</xsl:otherwise></xsl:choose>
        </xsl:attribute>
        <xsl:value-of select="name"/>
        <xsl:if test="records"><span class="dim"> · recorded</span></xsl:if>
        <xsl:for-each select="issues/issue"><div class="issue"><xsl:value-of select="."/></div></xsl:for-each>
      </td>
      <td>
        <xsl:if test="meta/video/codec">
          <xsl:value-of select="concat(meta/video/codec, ' ', meta/video/profile, ' ', meta/video/level)"/>
          <span class="dim"><xsl:value-of select="concat(' ', meta/video/width, '×', meta/video/height, ', ', round(meta/video/frame_rate), ' fps')"/></span>
        </xsl:if>
      </td>
      <td>
        <xsl:if test="meta/audio/codec">
          <xsl:value-of select="concat(meta/audio/codec, ' ', meta/audio/profile)"/>
          <span class="dim"><xsl:value-of select="concat(' ', meta/audio/sample_rate div 1000, ' kHz, ', meta/audio/channels, ' ch')"/></span>
        </xsl:if>
      </td>
      <td class="n"><xsl:if test="key_interval &gt; 0"><xsl:value-of select="format-number(key_interval div 1000, '0.0')"/> s</xsl:if></td>
      <td class="n"><xsl:call-template name="rate"><xsl:with-param name="bits" select="bw_video"/></xsl:call-template></td>
      <td class="n"><xsl:call-template name="rate"><xsl:with-param name="bits" select="bw_audio"/></xsl:call-template></td>
      <td class="n"><xsl:call-template name="rate"><xsl:with-param name="bits" select="bw_in"/></xsl:call-template></td>
      <td class="n"><xsl:call-template name="rate"><xsl:with-param name="bits" select="bw_out"/></xsl:call-template></td>
      <td class="n">
        <xsl:attribute name="title"><xsl:value-of select="concat('RTMP ', viewers/rtmp, ', HTTP-FLV ', viewers/http_flv, ', HLS ', viewers/hls)"/></xsl:attribute>
        <xsl:value-of select="sum(viewers/*)"/>
      </td>
      <td class="n"><xsl:call-template name="duration"><xsl:with-param name="seconds" select="floor(time div 1000)"/></xsl:call-template></td>
    </tr>
    <xsl:if test="client">
      <tr class="clients">
        <td colspan="10">
          <table>
            <xsl:for-each select="client">
              <xsl:sort select="boolean(publishing)" order="descending"/>
              <xsl:call-template name="client"><xsl:with-param name="control" select="$control"/></xsl:call-template>
            </xsl:for-each>
          </table>
        </td>
      </tr>
    </xsl:if>
  </xsl:template>

  <xsl:template name="client">
    <xsl:param name="control"/>
    <tr>
      <td class="dim"><xsl:choose><xsl:when test="publishing">publishes</xsl:when><xsl:otherwise>plays</xsl:otherwise></xsl:choose></td>
      <td><xsl:value-of select="address"/></td>
      <td class="dim"><xsl:value-of select="protocol"/></td>
      <td><xsl:value-of select="flashver"/></td>
      <td class="n">
        <xsl:choose>
          <xsl:when test="publishing"><xsl:call-template name="bytes"><xsl:with-param name="bytes" select="bytes_in"/></xsl:call-template></xsl:when>
          <xsl:otherwise><xsl:call-template name="bytes"><xsl:with-param name="bytes" select="bytes_out"/></xsl:call-template></xsl:otherwise>
        </xsl:choose>
      </td>
      <td class="n">
        <xsl:if test="dropped &gt; 0"><xsl:value-of select="dropped"/> dropped</xsl:if>
        <xsl:if test="delay &gt; 0"><xsl:value-of select="concat(' ', delay, ' ms behind')"/></xsl:if>
      </td>
      <td class="n"><xsl:call-template name="duration"><xsl:with-param name="seconds" select="floor(time div 1000)"/></xsl:call-template></td>
      <td>
        <xsl:if test="$control != ''">
          <a href="{$control}&amp;clientid={id}" onclick="return confirm('Disconnect this client?')">drop</a>
        </xsl:if>
      </td>
    </tr>
  </xsl:template>

  <xsl:template name="fact">
    <xsl:param name="name"/>
    <xsl:param name="value"/>
    <div><dt><xsl:value-of select="$name"/></dt><dd><xsl:value-of select="$value"/></dd></div>
  </xsl:template>

  <xsl:template name="rate">
    <xsl:param name="bits"/>
    <xsl:choose>
      <xsl:when test="$bits &gt;= 1000000"><xsl:value-of select="format-number($bits div 1000000, '0.0')"/> Mbit/s</xsl:when>
      <xsl:otherwise><xsl:value-of select="format-number($bits div 1000, '0')"/> kbit/s</xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <xsl:template name="bytes">
    <xsl:param name="bytes"/>
    <xsl:choose>
      <xsl:when test="$bytes &gt;= 1000000000"><xsl:value-of select="format-number($bytes div 1000000000, '0.0')"/> GB</xsl:when>
      <xsl:when test="$bytes &gt;= 1000000"><xsl:value-of select="format-number($bytes div 1000000, '0.0')"/> MB</xsl:when>
      <xsl:otherwise><xsl:value-of select="format-number($bytes div 1000, '0')"/> kB</xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <xsl:template name="duration">
    <xsl:param name="seconds"/>
    <xsl:if test="$seconds &gt;= 86400"><xsl:value-of select="floor($seconds div 86400)"/>d </xsl:if>
    <xsl:value-of select="concat(format-number(floor($seconds div 3600) mod 24, '00'), ':', format-number(floor($seconds div 60) mod 60, '00'), ':', format-number($seconds mod 60, '00'))"/>
  </xsl:template>
</xsl:stylesheet>
